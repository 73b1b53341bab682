// Control charts: individual values and their moving average with limits, and every rule that was broken.
"use strict";

const FARTHEST = 1.2; // times the height between the limits: how far above and below them is drawn
const many = (count) => `${whole(count)} ${count === 1 ? "unit" : "units"}`;
const clamped = (value, [low, high]) => Math.min(Math.max(value, low), high);
let charts = null, chartOf = "session";

titles.charts = () => (charts ? [`${many(charts.units)} of ${charts.source === "session" ? "this session" : charts.source}`] : []);

shows.charts = () => busyless(async () => {
  if (!session && chartOf === "session") return taken({ source: "session", units: 0, names: [], charts: [], rules: {} });
  taken(await within("GET", `/charts?of=${chartOf}`));
});

async function busyless(work) {
  try { await work(); } catch (error) { refused("charts", error); }
}

function filed() { $("chart-of").querySelector("[value=file]").disabled = false; }

function taken(told) {
  charts = told;
  const before = $("chart-name").value;
  $("chart-name").replaceChildren(...told.names.map((each) => Object.assign(make("option", "", each), { value: each })));
  if (told.names.includes(before)) $("chart-name").value = before;
  place("charts").querySelector(".warnings").replaceChildren();
  titled();
  charted();
}

function charted() {
  const name = $("chart-name").value, of = charts.charts.filter((each) => each.name === name), single = of.find((each) => each.kind === "individuals"), mean = of.find((each) => each.kind === "ewma"), sum = of.find((each) => each.kind === "cusum");
  paint("individuals", single || sum, single ? "Individual values" : sum ? "Cumulative sum" : "Individual values");
  paint("averaged", mean && mean.points.some((each) => each.phase !== "baseline") ? mean : null, "Moving average (EWMA)");
  const rows = of.flatMap((chart) => chart.points.flatMap((point, n) => point.broken.map((rule) => ({ ...point, n, rule, kind: chart.kind })))).sort((a, b) => b.n - a.n);
  $("signals-said").textContent = of.length ? (rows.length ? `${rows.length} over ${many(of[0].points.length)}` : `none over ${many(of[0].points.length)}`) : "";
  $("signals").tBodies[0].replaceChildren(...rows.slice(0, 200).map((each) => {
    const row = document.createElement("tr");
    row.append(make("td", "", each.label), make("td", "n", number(each.value, 3)), make("td", "broken", `${each.rule}${each.kind === "individuals" ? "" : ` (${each.kind})`}`));
    row.title = charts.rules[each.rule] || "";
    row.addEventListener("pointerenter", () => lit(each.n));
    row.addEventListener("pointerleave", () => lit(null));
    return row;
  }));
  const learned = of[0] && (of[0].centre === null ? `The first ${of[0].values} values are still being learned: limits stand from the baseline on.` : charts.source === "session" ? `Centre ${number(of[0].centre, 3)} and sigma ${number(of[0].sigma, 3)} are those of the good units that were learned.` : `Centre ${number(of[0].centre, 3)}, sigma ${number(of[0].sigma, 3)}${single?.points.some((each) => each.phase === "baseline") ? "; hollow points made them" : mean?.points.some((each) => each.phase === "baseline") ? ", of the first units" : ", as good units have by construction"}.`);
  $("chart-said").textContent = of.length ? learned : charts.source === "session" ? "Inspect units, or open a results file of a line: their charts are drawn here." : "No value could be charted.";
}

function lit(n) {
  for (const dot of document.querySelectorAll("#view-charts circle")) dot.classList.toggle("lit", n !== null && Number(dot.dataset.n) === n);
}

function paint(id, chart, title) {
  const place = $(id);
  $(`${id}-title`).replaceChildren(`${title} `, make("small", "", chart ? chart.name : ""));
  if (!chart) { place.watcher?.disconnect(); return place.replaceChildren(make("p", "soft none", "no chart of this kind")); }
  drawn(place, (width, height) => place.replaceChildren(control(chart, width, height)));
}

function control(chart, width, height) {
  const { limits, centre, sigma } = chart, points = chart.kind === "individuals" ? chart.points : chart.points.filter((each) => each.phase !== "baseline"), left = 54, right = width - 64, top = 12, bottom = height - 24;
  const known = centre !== null, lines = known ? Object.entries(limits).filter(([name, value]) => value !== null && name !== "moving_range") : [];
  const first = chart.points.length - points.length, shown = points.map((each) => (chart.kind === "ewma" ? (each.mean ?? each.value) : chart.kind === "cusum" ? Math.max(each.high ?? 0, each.low ?? 0) : each.value));
  const middle = chart.kind === "cusum" ? 0 : centre, rails = [...lines.map(([, value]) => value), ...(known ? [middle] : [])], tall = Math.max(...rails) - Math.min(...rails);
  const all = known ? [...rails, ...shown.map((each) => Math.min(Math.max(each, Math.min(...rails) - FARTHEST * tall), Math.max(...rails) + FARTHEST * tall))] : shown; // a value far out would press the limits together
  const ends = [Math.min(...all), Math.max(...all)], spanned = ends[1] - ends[0] || 1, y = scale(ends[0] - 0.07 * spanned, ends[1] + 0.07 * spanned, bottom, top), x = scale(0, Math.max(points.length - 1, 1), left + 8, right - 8);
  const made = svg("svg", { width, height, role: "img", "aria-label": `${chart.kind} chart of ${chart.name}: ${points.length} values, ${points.filter((each) => each.broken.length).length} break a rule` });
  const band = (low, high, kind) => made.append(svg("rect", { class: kind, x: left, width: right - left, y: y(high), height: Math.max(y(low) - y(high), 0) }));
  if (known && sigma && chart.kind === "individuals") { band(limits.lower_warning, limits.upper_warning, "within"); }
  const labels = known ? [...lines.map(([name, value]) => [value, { lower: "LCL", upper: "UCL", lower_warning: "−2σ", upper_warning: "+2σ" }[name], name.includes("warning") ? "warning" : "limit"]), [middle, chart.kind === "cusum" ? "0" : "centre", "centre"]] : [];
  for (const [value, text, kind] of labels) made.append(svg("line", { class: `rail ${kind}`, x1: left, x2: right, y1: y(value), y2: y(value) }), svg("text", { class: "ticks", x: right + 6, y: y(value) + 4 }, text), svg("text", { class: "ticks", x: left - 6, y: y(value) + 4, "text-anchor": "end" }, number(value, Math.abs(spanned) < 1 ? 3 : 2)));
  if (chart.kind === "ewma") for (const side of ["lower", "upper"]) {
    const edge = points.map((each, n) => (each[side] === undefined ? null : `${x(n)},${y(each[side])}`)).filter(Boolean).join(" ");
    if (edge) made.append(svg("polyline", { class: "rail limit grown", points: edge }));
  }
  made.append(svg("polyline", { class: "trace", points: shown.map((each, n) => `${x(n).toFixed(1)},${y(clamped(each, ends)).toFixed(1)}`).join(" ") }));
  points.forEach((each, n) => {
    const beyond = shown[n] !== clamped(shown[n], ends), at = y(clamped(shown[n], ends));
    if (beyond) made.append(svg("text", { class: "ticks", x: x(n) + 9, y: at + 4 }, `${shown[n] > ends[1] ? "↑" : "↓"} ${number(shown[n], 2)}`));
    const dot = svg("circle", { cx: x(n), cy: at, r: each.broken.length ? 5.5 : points.length > 150 ? 2.2 : 3.4, class: each.broken.length ? "broken" : each.phase === "baseline" ? "baseline" : "", "data-n": n + first });
    dot.addEventListener("pointermove", (event) => tip(`${each.label}\n${number(each.value, 4)}${each.mean === undefined ? "" : `, average ${number(each.mean, 4)}`}${each.phase ? "\nof the baseline" : ""}${each.broken.map((rule) => `\n${charts.rules[rule] || rule}`).join("")}`, event));
    dot.addEventListener("pointerleave", () => tip(""));
    made.append(dot);
  });
  const stride = Math.max(1, Math.ceil(points.length / (width / 90)));
  for (let n = 0; n < points.length; n += stride) made.append(svg("text", { class: "ticks", x: x(n), y: height - 8, "text-anchor": "middle" }, points[n].label.length > 12 ? `${points[n].label.slice(0, 11)}…` : points[n].label));
  return made;
}

$("chart-of").addEventListener("change", () => { chartOf = $("chart-of").value; shows.charts(); });
$("chart-name").addEventListener("change", charted);
$("results").addEventListener("change", () => {
  const [file] = $("results").files;
  if (!file) return;
  const form = new FormData();
  form.append("results", file);
  busy("charts", "Reading the results", async () => {
    const told = await within("POST", "/charts", form);
    filed();
    $("chart-of").value = chartOf = "file";
    taken(told);
  });
  $("results").value = "";
});
