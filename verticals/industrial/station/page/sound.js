// The sound of a unit: its spectrogram and the spectrum of its envelope, with the machine's frequencies marked.
"use strict";

function sounded(sound) {
  if (!sound) return;
  const out = sound.stands_out;
  $("sound-said").textContent = [`${sound.seconds.toFixed(1)} s`, sound.shaft_hz ? `shaft at ${sound.shaft_hz.toFixed(1)} Hz` : "no machine is known", out.length ? `${out[0].name} stands ${out[0].spreads.toFixed(0)} spreads above good` : sound.shaft_hz ? "no line stands out" : ""].filter(Boolean).join(", ");
  drawn($("spectrogram"), (width, height) => $("spectrogram").replaceChildren(spectrogram(sound, width, height)));
  drawn($("envelope"), (width, height) => $("envelope").replaceChildren(envelope(sound, width, height)));
}

// Places of labels in a row, moved apart by at least `gap`.
function apart(wanted, gap, low, high) {
  const order = wanted.map((at, n) => [at, n]).sort((a, b) => a[0] - b[0]), found = [];
  let last = -Infinity;
  for (const each of order) each[0] = last = Math.max(each[0], last + gap, low);
  let next = high + gap;
  for (const each of order.reverse()) { each[0] = next = Math.min(each[0], next - gap); found[each[1]] = each[0]; }
  return found;
}

const noted = (mark) => `${mark.label}: ${mark.says}\n${mark.hertz.toFixed(1)} Hz, ${Number(mark.order.toFixed(3))} a turn${mark.spreads === null ? "" : `\nstands ${mark.spreads.toFixed(1)} spreads above good`}`;

function telling(shape, mark) {
  shape.addEventListener("pointermove", (event) => tip(noted(mark), event));
  shape.addEventListener("pointerleave", () => tip(""));
  return shape;
}

function spectrogram(sound, width, height) {
  const left = 34, right = width - (sound.marks.length ? 62 : 8), top = 16, bottom = height - 20, y = logScale(sound.from_hz, sound.to_hz, bottom, top), x = scale(0, sound.seconds, left, right);
  const chart = svg("svg", { width, height, role: "img", "aria-label": `Spectrogram of ${sound.seconds.toFixed(1)} s with ${sound.marks.length} marked frequencies` });
  chart.append(svg("image", { href: path("/spectrogram.png"), x: left, y: top, width: right - left, height: bottom - top, preserveAspectRatio: "none" }), svg("text", { class: "ticks", x: left, y: 10 }, "spectrogram, Hz"));
  for (const each of [10, 30, 100, 300, 1000, 3000, 8000]) chart.append(svg("text", { class: "ticks", x: left - 4, y: y(each) + 4, "text-anchor": "end" }, each >= 1000 ? `${each / 1000}k` : String(each)));
  for (let each = 0, stride = sound.seconds > 4 ? Math.ceil(sound.seconds / 4) : sound.seconds > 1.2 ? 0.5 : 0.25; each <= sound.seconds + 1e-6; each += stride) chart.append(svg("text", { class: "ticks", x: x(each), y: height - 6, "text-anchor": "middle" }, `${Number(each.toFixed(2))} s`));
  const inside = sound.marks.filter((each) => each.hertz >= sound.from_hz && each.hertz <= sound.to_hz), rows = apart(inside.map((each) => y(each.hertz)), 12, top + 5, bottom - 2);
  inside.forEach((mark, n) => chart.append(telling(svg("g", { class: `line-mark ${mark.spreads === null ? "" : "stands"}`, "data-name": mark.name }, svg("line", { x1: left, x2: right, y1: y(mark.hertz), y2: y(mark.hertz) }), svg("path", { d: `M${right} ${y(mark.hertz)}L${right + 9} ${rows[n]}` }), svg("text", { x: right + 12, y: rows[n] + 4 }, mark.label)), mark)));
  return chart;
}

function envelope(sound, width, height) {
  const { hertz, height: heights, band_hz: band } = sound.envelope, left = 26, right = width - 10, top = sound.marks.length ? 30 : 16, bottom = height - 20;
  const x = scale(0, hertz.at(-1), left, right), high = Math.max(...heights, 4), y = scale(0, high * 1.05, bottom, top);
  const chart = svg("svg", { width, height, role: "img", "aria-label": `Spectrum of the envelope from 0 to ${hertz.at(-1).toFixed(0)} Hz` });
  chart.append(svg("text", { class: "ticks", x: left, y: 10 }, `envelope spectrum, ${band.map((each) => each / 1000).join(" to ")} kHz`));
  for (const each of ticks(high, 4)) chart.append(svg("line", { class: "grid", x1: left, x2: right, y1: y(each), y2: y(each) }), svg("text", { class: "ticks", x: left - 4, y: y(each) + 4, "text-anchor": "end" }, String(Number(each.toFixed(1)))));
  for (const each of ticks(hertz.at(-1), width > 340 ? 6 : 4)) chart.append(svg("text", { class: "ticks", x: x(each), y: height - 6, "text-anchor": "middle" }, `${each}${each ? "" : " Hz"}`));
  const inside = sound.marks.filter((each) => each.hertz <= hertz.at(-1)), columns = apart(inside.map((each) => x(each.hertz)), 36, left + 12, right - 12);
  inside.forEach((mark, n) => chart.append(telling(svg("g", { class: `line-mark ${mark.spreads === null ? "" : "stands"}`, "data-name": mark.name }, svg("line", { x1: x(mark.hertz), x2: x(mark.hertz), y1: top, y2: bottom }), svg("path", { d: `M${x(mark.hertz)} ${top}L${columns[n]} ${top - 6}` }), svg("text", { x: columns[n], y: top - 9, "text-anchor": "middle" }, mark.label)), mark)));
  chart.append(svg("polyline", { class: "trace", points: hertz.map((each, n) => `${x(each).toFixed(1)},${y(Math.max(heights[n], 0)).toFixed(1)}`).join(" ") }));
  return chart;
}
