// A unit: the solid, the photograph with its map, the verdict and what it rests on, the regions, the dimensions.
"use strict";

const WORDS = { pass: "Pass", review: "Review", reject: "Reject", unmeasurable: "Unmeasurable" };
const SAYS = { pass: "within what good units show", review: "close to the threshold: a second look is due", reject: "out of what good units show, or of tolerance", unmeasurable: "a sense that was given could not judge" };
let unit = null, solid = null, chosen = null;

const path = (name = "") => `/stations/${session}/units/${unit.number}${name}`;
titles.unit = () => (unit && !place("unit").querySelector(".board").hidden ? [...(unit.sample ? [make("span", "made-up", "simulated sample")] : []), unit.files.map((each) => each.path).join(", ")] : []);

// ---- opening ----
async function opened(told) {
  unit = told;
  chosen = null;
  board("unit", true);
  $("view-unit").querySelector(".warnings").replaceChildren(...told.warnings.map((each) => make("li", "", each)));
  for (const [id, name] of [["certificate", "/certificate"], ["pdf", "/certificate.pdf"], ["json", "/result.json"], ["ply", "/deviation.ply"]]) $(id).href = path(name);
  $("ply").hidden = !told.surface;
  const lay = place("unit").querySelector(".lay-unit");
  lay.className = `lay-unit ${told.surface ? "" : "no-body"} ${told.picture ? "" : "no-photo"} ${told.sound ? "" : "no-sound"}`;
  strip();
  judged();
  regions();
  planned();
  photographed();
  sounded(told.sound);
  await solidly();
  titled();
}

async function again(number) { await opened(await ask("GET", await station(`/units/${number}`))); }

function strip() {
  $("units").replaceChildren(...unit.units.slice(-8).map((each) => {
    const button = make("button", "", each.name);
    button.prepend(make("i", `dot ${each.verdict}`));
    button.title = `${WORDS[each.verdict]}, ${each.at}`;
    button.setAttribute("aria-pressed", String(each.number === unit.number));
    button.addEventListener("click", () => busy("unit", "Opening", () => again(each.number)));
    return button;
  }));
}

// ---- the solid ----
async function solidly() {
  if (!unit.surface) return;
  const answer = await fetch(path("/surface.bin"));
  if (!answer.ok) throw new Error((await answer.json()).error);
  solid ||= new Solid($("solid"), marked);
  const { surface, tolerance_mm: tolerance } = unit, widest = Math.max(Math.abs(surface.lowest_mm), Math.abs(surface.highest_mm));
  const ranges = [...new Set([tolerance, 2 * tolerance, 4 * tolerance, widest].map((each) => Number(each.toPrecision(2))))].sort((a, b) => a - b);
  $("range").replaceChildren(...ranges.map((each) => Object.assign(make("option", "", `±${each} mm${each === Number(tolerance.toPrecision(2)) ? " (tolerance)" : ""}`), { value: each })));
  $("range").value = Number(tolerance.toPrecision(2));
  $("points-said").textContent = `${whole(surface.points)}${surface.of > surface.points ? ` of ${whole(surface.of)}` : ""} points${unit.registration ? `, residual ${unit.registration.residual_mm.toFixed(3)} mm` : ""}`;
  solid.show(await answer.arrayBuffer(), surface, Number($("range").value));
  scaled();
}

function marked() {
  const { camera } = solid, svgs = [];
  for (const each of unit.regions.filter((one) => one.centre_mm).slice(0, 9).reverse()) {
    const [x, y] = camera.project(each.centre_mm), faces = !each.facing || dot3(rowsOf(camera.turn)[2], each.facing) > -0.05;
    const out = unit3([x - camera.width / 2 || 1, y - camera.height / 2 - 1, 0]), [lx, ly] = [40 * out[0], 34 * out[1]];
    const mark = svg("g", { class: `mark ${each.number === chosen ? "chosen" : ""} ${faces ? "" : "behind"}`, "data-number": each.number, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
      svg("line", { x2: lx, y2: ly }), svg("circle", { class: "spot-at", r: 2.5 }), svg("circle", { r: 11, cx: lx, cy: ly }), svg("text", { "text-anchor": "middle", x: lx, y: ly + 4 }, String(each.number)));
    mark.addEventListener("click", () => visit(each.number));
    svgs.push(mark);
  }
  const rows = rowsOf(camera.turn), low = [38, camera.height - 38], arms = [0, 1, 2].map((n) => ({ n, x: 24 * rows[0][n], y: -24 * rows[1][n], z: rows[2][n] })).sort((a, b) => a.z - b.z);
  for (const { n, x, y } of arms) svgs.push(svg("g", { class: `arm a${n}`, transform: `translate(${low})` }, svg("line", { x2: x, y2: y }), svg("text", { x: x * 1.36, y: y * 1.36 + 4, "text-anchor": "middle" }, "xyz"[n])));
  const fair = 110 / camera.scale, power = 10 ** Math.floor(Math.log10(fair)), long = power * [1, 2, 5, 10].findLast((each) => each * power <= fair * 1.02), x = camera.width - 84 - long * camera.scale, y = camera.height - 16;
  svgs.push(svg("path", { class: "ruler", d: `M${x} ${y - 5}v5h${long * camera.scale}v-5` }), svg("text", { class: "ticks", x: x + (long * camera.scale) / 2, y: y - 7, "text-anchor": "middle" }, `${Number(long.toPrecision(3))} mm`));
  $("marks").replaceChildren(...svgs);
}

function scaled() {
  const range = solid.look.range, stops = [1, 0.5, 0, -0.5, -1];
  $("scale").replaceChildren(make("small", "", "extra, mm"), make("div", "ramp"), make("small", "", "lacks"));
  const ramp = $("scale").children[1];
  ramp.style.background = `linear-gradient(${stops.map((each) => `rgb(${shadeOf(each).map((part) => Math.round(255 * part))})`)})`;
  for (const each of stops) ramp.append(Object.assign(make("span", "", each ? `${each < 0 ? "−" : "+"}${Number(Math.abs(each * range).toPrecision(3))}` : "0"), { style: `top:${50 - 50 * each}%` }));
  if (unit.surface.missed) $("scale").append(Object.assign(make("small", "missed", "not covered")));
}

function visit(number) {
  const region = unit.regions.find((each) => each.number === number);
  if (!region) return;
  chosen = number;
  for (const item of $("regions").children) item.classList.toggle("chosen", Number(item.dataset.number) === chosen);
  [...$("regions").children].find((each) => Number(each.dataset.number) === chosen)?.scrollIntoView({ block: "nearest" });
  if (region.centre_mm && solid && unit.surface) solid.visit(region.centre_mm, region.facing);
  spotted();
}

// ---- the verdict ----
function judged() {
  const box = $("judged"), { good } = unit, parts = [];
  const top = make("div", "call");
  top.append(make("b", `chip ${unit.verdict}`, WORDS[unit.verdict]), make("span", "", SAYS[unit.verdict]));
  parts.push(top);
  for (const each of unit.reasons.filter((one) => !one.startsWith("score "))) parts.push(make("p", "reason", each));
  if (good) parts.push(beside(good), ...claims(good));
  else if (unit.score === null) parts.push(make("p", "soft", "No score: nothing that was learned could judge this unit."));
  if (unit.kinds.length) parts.push(looksLike());
  parts.push(senses());
  if (unit.causes.length) parts.push(caused());
  box.replaceChildren(...parts);
}

function claims(good) {
  const list = make("dl", "facts"), share = (value) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
  const rows = [
    ["Score (log-odds)", number(unit.score), `passes up to ${number(unit.threshold)}`],
    ["Good units as high", `${good.beyond} of ${good.count}`, `${share(good.low)} to ${share(good.high)} of all good ones, 95 % interval`],
    ["p-value", number(unit.p_value, 3), "conformal: small is strange"],
    ["False rejects", `≤ ${share(unit.promised)}`, "promised by the threshold, of good units"],
  ];
  for (const [name, value, note] of rows) list.append(make("dt", "", name), make("dd", "", value), make("small", "", note));
  return [list];
}

// Where the score lies beside those of good units: a tick each, the threshold, this unit.
function beside(good) {
  const low = Math.min(good.scores[0], unit.score), high = Math.max(good.scores.at(-1), unit.score, unit.threshold), pad = 0.06 * (high - low || 1);
  const chart = svg("svg", { class: "beside", viewBox: "0 0 320 44", role: "img", "aria-label": `Score ${number(unit.score)}, threshold ${number(unit.threshold)}, beside ${good.count} good units` }), x = scale(low - pad, high + pad, 4, 316);
  chart.append(svg("rect", { class: "over", x: x(unit.threshold), y: 8, width: Math.max(316 - x(unit.threshold), 0), height: 16 }), svg("line", { class: "axis", x1: 4, x2: 316, y1: 24, y2: 24 }));
  for (const each of good.scores) chart.append(svg("line", { class: "one", x1: x(each), x2: x(each), y1: 14, y2: 24 }));
  chart.append(svg("line", { class: "limit", x1: x(unit.threshold), x2: x(unit.threshold), y1: 5, y2: 27 }), svg("path", { class: `here ${unit.verdict}`, d: `M${x(unit.score)} 25l6 9h-12z` }));
  const end = x(unit.score) > 200;
  chart.append(svg("text", { class: "ticks", x: end ? x(unit.score) - 10 : x(unit.score) + 10, y: 36, "text-anchor": end ? "end" : "start" }, `this unit ${number(unit.score)}`));
  const near = x(unit.threshold) > 240;
  chart.append(svg("text", { class: "ticks", x: x(unit.threshold) + (near ? -4 : 4), y: 11, "text-anchor": near ? "end" : "start" }, "threshold"));
  return chart;
}

function looksLike() {
  const line = make("p", "kinds", "Looks like ");
  for (const each of unit.kinds) {
    const word = line.appendChild(make("span", "", each.kind.replaceAll("_", " ")));
    word.append(make("small", "", ` ${each.probability.toFixed(2)}`));
  }
  return line;
}

function senses() {
  const table = make("table", "senses"), head = table.createTHead().insertRow();
  for (const [each, kind, says] of [["sense"], ["raw score", "n", "As measured, never clamped"], ["spreads", "n", "Above good units, in their spreads"], ["p", "n", "The sense's own p-value"], ["gate", "", "How far the fused score listens to it"]]) head.append(Object.assign(make("th", kind, each), { title: says || "" }));
  const body = table.createTBody();
  for (const each of unit.senses) {
    const row = body.insertRow();
    row.append(make("td", "", each.sense), make("td", "n", each.raw === null || each.raw === undefined ? "–" : `${number(each.raw, 3)}${each.unit === "mm" ? " mm" : ""}`), make("td", "n", each.spreads === null ? "–" : signed(each.spreads, 1)), make("td", "n", each.p_value === null || each.p_value === undefined ? "–" : each.p_value.toFixed(3)));
    row.cells[1].title = each.unit;
    const gate = row.insertCell().appendChild(make("div", "gate"));
    gate.append(Object.assign(make("i"), { style: `width:${100 * (each.gate || 0)}%` }), make("span", "", number(each.gate)));
    if (!each.judged) {
      const why = body.insertRow().insertCell();
      Object.assign(why, { colSpan: 5, className: "why", textContent: `${each.sense}: ${each.why}` });
    }
  }
  return table;
}

function caused() {
  const box = make("details", "caused"), list = make("ul");
  box.append(make("summary", "", "Likely causes and next checks"), list);
  for (const each of unit.causes) list.append(causeItem(each));
  return box;
}

function causeItem(each) {
  const item = make("li", "cause");
  item.append(make("b", "", each.cause), make("small", "", each.step.length ? ` in ${each.step.join(", ")}` : ""));
  for (const [name, values] of [["check", each.next_check], ["then", each.action]]) if (values.length) item.append(make("p", "", `${name}: ${values.join("; ")}`));
  item.append(make("small", "edges", each.defects.map((one) => `may be ${one}`).join(" · ")));
  item.title = each.edges.map((edge) => `${edge.source} ${edge.kind} ${edge.target} (${edge.evidence ?? ""})`).join("\n");
  return item;
}

// ---- regions and dimensions ----
function regions() {
  $("regions-said").textContent = unit.regions.length ? `${unit.regions.length}, the worst first; click to see` : "none beyond what good units show";
  $("regions").replaceChildren(...unit.regions.map((each) => {
    const item = make("li"), button = item.appendChild(make("button"));
    item.dataset.number = each.number;
    button.append(make("i", `no ${each.kind.split(" ")[0]}`, String(each.number)), make("b", "", each.kind), make("span", "n", each.worst_mm === null ? (each.area_px ? `${whole(each.area_px)} px` : "–") : mm(each.worst_mm)));
    button.append(make("small", "", [each.area_mm2 === null ? null : `${each.area_mm2.toFixed(1)} mm²`, each.centre_mm ? `at ${each.centre_mm.map((one) => number(one, 1)).join(", ")} mm` : null, each.centre_px ? `at ${each.centre_px.map((one) => Math.round(one)).join(", ")} px of the photograph` : null].filter(Boolean).join(" ")));
    button.addEventListener("click", () => visit(each.number));
    return item;
  }));
}

function planned() {
  const panel = place("unit").querySelector(".plan"), rows = unit.dimensions;
  panel.hidden = !rows.length;
  if (!rows.length) return;
  const out = rows.filter((each) => each.verdict === "outside").length, open = rows.filter((each) => each.verdict === "undecided").length;
  $("plan-said").textContent = `${rows.length}, ${out} outside${open ? `, ${open} undecided` : ""}; ± is k = 2`;
  const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const [each, kind] of [["dimension"], ["measured", "n"], ["allowed", "n"], [""]]) head.append(make("th", kind, each));
  const order = ["outside", "undecided", "within", "not evaluable"];
  for (const each of [...rows].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))) {
    const row = body.insertRow(), seen = each.verdict !== "not evaluable";
    row.append(make("td", "", each.name), make("td", "n", seen ? `${each.value.toFixed(3)} ± ${each.uncertainty.toFixed(3)}` : "–"), make("td", "n", `${each.lower ? `${each.lower.toFixed(2)}–` : "≤ "}${each.upper.toFixed(2)}`));
    row.insertCell().append(make("span", `chip ${{ within: "pass", outside: "reject" }[each.verdict] || "review"}`, { within: "in", outside: "out", undecided: "open", "not evaluable": "unseen" }[each.verdict]));
    row.title = `${each.name}, mm${each.reason ? `: ${each.reason}` : ""}`;
  }
  $("plan").replaceChildren(table);
}

// ---- the photograph ----
function photographed() {
  if (!unit.picture) return;
  const { width, height, beyond } = unit.picture;
  $("frame").style.aspectRatio = `${width} / ${height}`;
  $("frame").style.setProperty("--shape", width / height);
  [$("photo").src, $("map").src] = [path("/photo.png"), path("/map.png")];
  $("photo-said").textContent = `${(100 * beyond).toFixed(2)} % strange`;
  $("spots").setAttribute("viewBox", `0 0 ${width} ${height}`);
  hazed();
  spotted();
}

const hazed = () => { $("map").style.opacity = $("opacity").value / 100; };

function spotted() {
  if (!unit.picture) return;
  const { width } = unit.picture, size = width / 26;
  $("spots").replaceChildren(...unit.regions.filter((each) => each.centre_px).map((each) => {
    const r = Math.max(Math.sqrt(each.area_px / Math.PI) * 1.3, size * 0.8), [x, y] = each.centre_px;
    const spot = svg("g", { class: `spot ${each.number === chosen ? "chosen" : ""}` }, svg("circle", { cx: x, cy: y, r, "stroke-width": width / 220 }), svg("text", { x: x + (x > 0.8 * width ? -1 : 1) * r * 0.75, y: Math.max(y - r * 0.75, size), "text-anchor": x > 0.8 * width ? "end" : "start", "font-size": size }, String(each.number)));
    spot.addEventListener("click", () => visit(each.number));
    return spot;
  }));
}

// ---- mouse and keys ----
function wireUnit() {
  const form = place("unit").querySelector(".start");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = new FormData(form), name = fields.get("unit").trim();
    fields.delete("unit");
    for (const [field, value] of [...fields]) if (!value.size && !value.name) fields.delete(field);
    busy("unit", "Inspecting the unit", async () => opened(await within("POST", `/units${name ? `?unit=${encodeURIComponent(name)}` : ""}`, fields)));
  });
  form.querySelector(".sample").addEventListener("click", () => busy("unit", "Inspecting the sample", async () => opened(await within("POST", "/units/sample"))));
  form.querySelector(".back").addEventListener("click", () => board("unit", true));
  place("unit").querySelector(".another").addEventListener("click", () => { form.querySelector(".back").hidden = false; board("unit", false); form.querySelector("input").focus(); });
  $("opacity").addEventListener("input", hazed);
  $("range").addEventListener("change", () => { solid.look.range = Number($("range").value); solid.draw(); scaled(); });
  $("show-scan").addEventListener("change", () => { solid.look.scan = $("show-scan").checked; solid.draw(); });
  $("show-part").addEventListener("change", () => { solid.look.part = $("show-part").checked; solid.draw(); });
  $("fit").addEventListener("click", () => solid.whole());
  const stage = $("solid").parentElement; // the canvas itself may be replaced
  stage.addEventListener("pointermove", (event) => {
    if (!solid || event.buttons) return;
    const box = $("solid").getBoundingClientRect(), found = solid.under(event.clientX - box.left, event.clientY - box.top);
    $("under").textContent = found ? `${mm(found.value, 3)}\nat ${found.at.map((each) => number(each, 1)).join(", ")} mm` : "";
  });
  stage.addEventListener("pointerleave", () => { $("under").textContent = ""; });
}

function step(by) {
  const all = unit.regions.map((each) => each.number), at = all.indexOf(chosen);
  if (all.length) visit(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length]);
}

const turnBy = (dx, dy) => () => solid && unit.surface && solid.moved((camera) => camera.rotate(dx, dy));
const zoomBy = (by) => () => solid && unit.surface && solid.moved((camera) => camera.zoom(by));
KEYS.unit = {
  ArrowLeft: turnBy(-18, 0), ArrowRight: turnBy(18, 0), ArrowUp: turnBy(0, -18), ArrowDown: turnBy(0, 18), "+": zoomBy(1.25), "=": zoomBy(1.25), "-": zoomBy(0.8),
  0: () => solid && unit.surface && solid.whole(), n: () => step(1), b: () => step(-1),
  m: () => { $("opacity").value = Number($("opacity").value) ? 0 : 75; hazed(); },
};
wireUnit();
