// The page: opens a study, lists its findings, sends what a reader corrects, shows what has become of the answer.
"use strict";

const $ = (id) => document.getElementById(id);
const make = (tag, className, text) => Object.assign(document.createElement(tag), { className: className || "", textContent: text ?? "" });
const HINTS = {
  look: "Click a finding to select it; drag to move",
  plus: "Click at what belongs to the nodule",
  minus: "Click at what does not belong to it",
  add: "Click at a nodule that was missed",
  box: "Drag a box around a nodule at its middle slice\n(as deep as its longer side)",
};
const GUIDELINES = { "fleischner-2017": "Fleischner 2017", "lung-rads-2022": "Lung-RADS v2022", "bts-2015": "BTS 2015" };
let study = null, slices = null, chosen = null, tool = "look", working = false;

// ---- asking the server ----
async function ask(method, path, body) {
  const options = { method };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) Object.assign(options, { body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  let answer;
  try { answer = await fetch(path, options); } catch { throw new Error("the server does not answer: is it still running?"); }
  const told = answer.status === 204 ? {} : await answer.json();
  if (!answer.ok) throw new Error(told.error || `the server answered ${answer.status}`);
  return told;
}

function say(text, bad = false) {
  $("message").textContent = text;
  $("message").className = bad ? "bad" : "";
}

async function busy(text, work) {
  if (working) return;
  working = true;
  $("doing").textContent = text;
  const veil = setTimeout(() => { $("busy").hidden = false; }, 250);
  try { await work(); } catch (error) { report(error); } finally { clearTimeout(veil); $("busy").hidden = true; working = false; }
}

function report(error) {
  if (study) say(error.message, true);
  else {
    const line = $("open").querySelector(".refused") || $("open").appendChild(make("p", "refused"));
    line.setAttribute("role", "alert");
    line.style.color = "var(--bad)";
    line.textContent = error.message;
  }
}

// ---- a study ----
function opened(told) {
  study = told;
  chosen = null;
  $("start").hidden = true;
  $("reading").hidden = false;
  $("another").hidden = false;
  $("name").textContent = told.name;
  $("name").title = told.name;
  $("number").max = told.shape[2] - 1;
  $("about").textContent = `Scan of ${told.shape.join(" × ")} voxels, ${told.spacing.map((each) => each.toFixed(2)).join(" × ")} mm. Model ${told.model.name || "not saved"} ${String(told.model.sha256 || "").slice(0, 12)}; scores of at least ${told.threshold.toFixed(3)}; read in ${told.seconds.toFixed(1)} s. The study is closed after ${told.kept_minutes.toFixed(0)} minutes without use.`;
  for (const link of document.querySelectorAll("[data-file]")) link.href = `/studies/${told.id}/${link.dataset.file}`;
  slices = new Slices($("slice"), `/studies/${told.id}`, told, moved);
  say("");
  taken(told);
  const first = told.findings[0];
  if (first) choose(first.label); else slices.show(slices.number);
  $("slice").focus({ preventScroll: true });
}

function taken(told) {
  study = told;
  slices.take(told);
  if (!told.findings.some((each) => each.label === chosen)) pick(null);
  $("undo").disabled = !told.edits.length;
  $("count").textContent = told.findings.length ? `${told.findings.length}, the surest first` : "";
  verdict();
  $("findings").replaceChildren(...told.findings.map(card));
  compared();
  managed();
  edited();
  marks();
  moved();
}

function verdict() {
  const largest = study.findings.reduce((most, each) => (!most || each.diameter_mm > most.diameter_mm ? each : most), null);
  const line = study.reasons.length ? "Not evaluable" : largest
    ? `${study.findings.length} possible nodule${study.findings.length > 1 ? "s" : ""}, the largest ${largest.diameter_mm.toFixed(1)} mm`
    : "No candidate reached the operating point";
  $("verdict").replaceChildren(make("span", "", line), ...[...study.reasons, ...study.warnings.filter((each) => !study.reasons.includes(each))].map((each) => make("p", "", each)));
}

function card(finding) {
  const item = make("li", finding.label === chosen ? "chosen" : "");
  item.dataset.label = finding.label;
  const head = item.appendChild(make("button", "finding"));
  head.setAttribute("aria-expanded", String(finding.label === chosen));
  const chip = head.appendChild(make("span", "chip", finding.label));
  chip.style.background = colourOf(finding.label);
  const size = head.appendChild(make("span", "size", `${finding.diameter_mm.toFixed(1)} mm`));
  size.append(make("small", "", `${finding.diameter_interval.low.toFixed(1)} to ${finding.diameter_interval.high.toFixed(1)}`));
  head.append(make("span", "score", `score ${finding.score.toFixed(2)}`));
  const place = finding.attributes.location ? finding.attributes.location.value : `${finding.side} lung`;
  head.append(make("span", "place", `${place} · ${finding.volume_mm3.toFixed(0)} mm³ · slice ${finding.slice_index}`));
  if (finding.change) head.append(make("span", `change ${finding.change.status}`, grown(finding.change)));
  if (finding.changed) head.append(make("span", "edited", `✎ ${finding.changed}`));
  head.addEventListener("click", () => choose(finding.label));
  item.append(more(finding));
  return item;
}

// What has become of a nodule since the earlier CT, in one line.
function grown({ status, ratio, doubling_days: doubling }) {
  if (!ratio) return `${status} since the earlier CT, ${days()} before`;
  const told = `${status} in ${days()}: volume × ${ratio.value.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`;
  if (!doubling) return told;
  const most = doubling.high === null ? "or not at all" : `to ${doubling.high.toFixed(0)}`;
  return `${told}, doubling in ${doubling.value.toFixed(0)} days (${doubling.low.toFixed(0)} ${most})`;
}
const days = () => `${study.comparison.days.toFixed(0)} day${study.comparison.days === 1 ? "" : "s"}`;

function compared() {
  const made = study.comparison;
  if (!made) return $("comparison").replaceChildren();
  const line = made.reasons.length
    ? `Not compared with the earlier CT: ${made.reasons.join("; ")}`
    : `Compared with the CT of ${days()} before (${made.days_from}); the lungs lie ${made.residual_mm.toFixed(1)} mm apart after alignment. Intervals: 90 %.`;
  const lost = made.lost.map((each) => make("p", "", `Not found again: a nodule of ${each.diameter_mm.toFixed(1)} mm of the earlier CT, at ${each.center_mm.map((mm) => mm.toFixed(0)).join(", ")} mm of that scan.`));
  $("comparison").replaceChildren(make("p", "", line), ...lost);
}

function more(finding) {
  const part = make("div", "more");
  part.append(make("small", "", "Diameter, 90 % interval (of the program's outlines)"), span(finding.diameter_interval, 0, Math.max(30, finding.diameter_interval.high * 1.1)));
  if (finding.malignancy) part.append(make("small", "", `Suspicion as readers rate it ${finding.malignancy.value.toFixed(2)} (${finding.malignancy.low.toFixed(2)} to ${finding.malignancy.high.toFixed(2)}); not a probability of cancer${finding.disagreement == null ? "" : `; networks differ by ${finding.disagreement.toFixed(2)}`}`), span(finding.malignancy, 0, 1));
  const facts = part.appendChild(document.createElement("dl"));
  const gates = Object.entries(finding.gates).map(([name, gate]) => `${name} ${gate.toFixed(2)}`).join(", ");
  for (const [name, value] of [
    ["Axes", `${finding.long_axis_mm.toFixed(1)} × ${finding.short_axis_mm.toFixed(1)} mm (axial)`],
    ...(finding.volume_interval ? [["Volume", `${finding.volume_interval.low.toFixed(0)} to ${finding.volume_interval.high.toFixed(0)} mm³ (90 %)`]] : []),
    ["Density", `${finding.median_hu === null ? "-" : finding.median_hu.toFixed(0)} HU, median`],
    ["Centre", `${finding.center_mm.map((each) => each.toFixed(1)).join(", ")} mm RAS`],
    ["Evidence", `mask label ${finding.label} (${finding.outline.shape.join(" × ")} voxels box); judged by ${gates}`],
  ]) facts.append(make("dt", "", name), make("dd", "", value));
  const words = Object.entries(finding.attributes).filter(([name]) => name !== "location");
  if (words.length) {
    const row = part.appendChild(make("div", "words"));
    for (const [name, said] of words) {
      const word = row.appendChild(make("span", "", `${name}: ${said.value}`));
      word.append(make("small", "", said.probability.toFixed(2)));
    }
  }
  return part;
}

function span(interval, low, high) {
  const at = (value) => `${(100 * (Math.min(Math.max(value, low), high) - low)) / (high - low)}%`;
  const line = make("div", "span"), bar = line.appendChild(document.createElement("b")), dot = line.appendChild(document.createElement("i"));
  Object.assign(bar.style, { left: at(interval.low), right: `calc(100% - ${at(interval.high)})` });
  dot.style.left = at(interval.value);
  return line;
}

function managed() {
  const box = $("management"), rules = study.management.filter((each) => each.choices.length);
  box.replaceChildren(...(rules.length ? [make("h2", "", "Management by guideline")] : []));
  for (const each of rules) {
    const rule = box.appendChild(make("div", "rule"));
    rule.append(make("b", "", (GUIDELINES[each.guideline] || each.guideline) + (each.finding ? `, by finding ${each.finding}` : "")));
    for (const one of each.choices.slice(0, 3)) rule.append(make("p", "", `${one.category ? one.category + ": " : ""}${one.says}${one.provided.length ? ` (if ${one.provided.join(", ")})` : ""} [${one.row}]`));
    if (each.missing.length) rule.append(make("small", "", `Not known: ${each.missing.join(", ")}`));
  }
}

function edited() {
  const box = $("edits");
  if (!study.edits.length) return box.replaceChildren();
  const list = document.createElement("ol");
  for (const each of study.edits) list.append(make("li", "", `finding ${each.finding}: ${each.says}${each.voxels_after ? `, ${each.voxels_before} to ${each.voxels_after} voxels` : ""}`));
  box.replaceChildren(make("h2", "", "Corrections by a person"), list);
}

function marks() {
  const last = Math.max(study.shape[2] - 1, 1);
  $("marks").replaceChildren(...study.findings.map((each) => {
    const mark = document.createElement("i");
    Object.assign(mark.style, { left: `${(100 * each.slice_index) / last}%`, background: colourOf(each.label) });
    return mark;
  }));
}

function pick(label) {
  chosen = label;
  if (slices) slices.chosen = label;
  $("delete").disabled = label === null;
  for (const item of $("findings").children) {
    item.className = Number(item.dataset.label) === label ? "chosen" : "";
    item.firstChild.setAttribute("aria-expanded", String(Number(item.dataset.label) === label));
  }
  if (slices) slices.draw();
}

function choose(label) {
  pick(label);
  slices.look(study.findings.find((each) => each.label === label));
  const item = [...$("findings").children].find((each) => Number(each.dataset.label) === label);
  if (item) item.scrollIntoView({ block: "nearest" });
}

function moved() {
  $("number").value = slices.number;
  $("number").setAttribute("aria-valuetext", `slice ${slices.number} of ${slices.nz}, z ${slices.heightOf(slices.number).toFixed(1)} mm`);
  $("slice").setAttribute("aria-label", `Axial slice ${slices.number} of ${slices.nz}, seen from the feet`);
  $("where").textContent = `slice ${slices.number} / ${slices.nz - 1}\nz ${slices.heightOf(slices.number).toFixed(1)} mm`;
  const [low, high] = WINDOWS[slices.window];
  $("seen").textContent = `${{ lung: "lung", soft: "soft tissue", bone: "bone" }[slices.window]} window\n${low} to ${high} HU`;
  $("hint").textContent = HINTS[tool] + (chosen && (tool === "plus" || tool === "minus") ? ` (finding ${chosen})` : "");
}

// ---- correcting ----
function use(name) {
  tool = name;
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  $("slice").classList.toggle("drawing", name !== "look");
  if (slices) {
    slices.box = null;
    slices.draw();
    moved();
  }
}

const correct = (method, path, body, done) => busy("Correcting", async () => {
  say("");
  const before = study.edits.length, began = performance.now();
  const told = await ask(method, `/studies/${study.id}${path}`, body);
  taken(told);
  const touched = told.edits.length > before ? told.edits[told.edits.length - 1].finding : null;
  if (told.findings.some((each) => each.label === touched)) pick(touched);
  const now = told.findings.find((each) => each.label === chosen);
  const size = now ? ` Finding ${now.label} is now ${now.diameter_mm.toFixed(1)} mm, ${now.volume_mm3.toFixed(0)} mm³.` : "";
  say(`${done}${size} (${Math.round(performance.now() - began)} ms)`);
});

function clicked(column, row) {
  if (!slices.inside(column, row)) return;
  const at_mm = slices.toMm(column, row), label = slices.labelAt(column, row);
  slices.cross = tool === "look" ? null : [column, row];
  if (tool === "look") return pick(label);
  if (tool === "add") return correct("POST", "/findings", { at_mm }, "Added.");
  const positive = tool === "plus";
  correct("POST", "/clicks", { at_mm, positive, finding: chosen }, positive ? "Positive click." : "Negative click.");
}

function boxed(box) {
  slices.box = null;
  slices.draw();
  if (Math.min(...slices.sides(box)) < 2) return say("Drag from one corner of the nodule to the other: a box has at least 2 mm a side.", true);
  const [low_mm, high_mm] = slices.corners(box);
  correct("POST", "/boxes", { low_mm, high_mm }, "Drawn in the box.");
}

// A click at the crosshair, by the keyboard: for a box the first corner, then the other.
function entered() {
  if (tool !== "box") return clicked(...slices.cross);
  if (slices.box) return boxed([slices.box[0], slices.cross]);
  slices.box = [slices.cross, slices.cross];
  slices.draw();
}

function step(by) {
  if (!study.findings.length) return;
  const labels = study.findings.map((each) => each.label), at = labels.indexOf(chosen);
  choose(labels[(at + by + labels.length) % labels.length]);
}

// The patient table (JSON or CSV, or none) with the days between the two scans.
async function dated(file, days_since_earlier) {
  const text = file ? (await file.text()).replace(/^\ufeff/, "").trim() : "{}";
  if (text.startsWith("{")) return new Blob([JSON.stringify({ ...JSON.parse(text), days_since_earlier })]);
  return new Blob([text.split(/\r?\n/).map((line, n) => `${line},${n ? days_since_earlier : "days_since_earlier"}`).join("\n")]);
}

// ---- mouse and keys ----
function wire() {
  $("open").addEventListener("submit", (event) => {
    event.preventDefault();
    const form = new FormData($("open")), apart = $("days").value;
    for (const name of ["indication", "patient", "earlier"]) { const value = form.get(name); if (!value || (value instanceof File && !value.size)) form.delete(name); }
    const both = form.has("earlier");
    busy(both ? "Reading both studies: finding the lungs, then the nodules" : "Reading the study: finding the lungs, then the nodules", async () => {
      if (both && apart) form.set("patient", await dated(form.get("patient"), Number(apart)), "patient.json");
      opened(await ask("POST", "/studies", form));
    });
  });
  $("earlier").addEventListener("change", () => { $("apart").hidden = !$("earlier").files.length; });
  $("sample").addEventListener("click", () => busy("Reading the sample", async () => opened(await ask("POST", "/studies/sample"))));
  $("another").addEventListener("click", () => { ask("DELETE", `/studies/${study.id}`).catch(() => {}); location.reload(); });
  const drop = $("drop");
  for (const name of ["dragover", "dragleave", "drop"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.toggle("over", name === "dragover"); });
  drop.addEventListener("drop", (event) => { $("ct").files = event.dataTransfer.files; });
  for (const button of document.querySelectorAll("[data-window]")) button.addEventListener("click", () => shade(button.dataset.window));
  for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => use(button.dataset.tool));
  $("number").addEventListener("input", () => slices.show(Number($("number").value)));
  $("larger").addEventListener("click", () => slices.zoomTo(slices.zoom * 1.5));
  $("smaller").addEventListener("click", () => slices.zoomTo(slices.zoom / 1.5));
  $("fit").addEventListener("click", () => slices.zoomTo(1));
  $("overlay").addEventListener("click", () => { slices.overlay = !slices.overlay; $("overlay").setAttribute("aria-pressed", String(slices.overlay)); slices.draw(); });
  $("delete").addEventListener("click", () => chosen !== null && correct("DELETE", `/findings/${chosen}`, undefined, `Finding ${chosen} deleted.`));
  $("undo").addEventListener("click", () => correct("POST", "/undo", undefined, "Last edit taken back."));
  $("read").addEventListener("click", () => { $("page").src = `/studies/${study.id}/report?at=${study.edits.length}-${Date.now()}`; $("report").showModal(); });
  $("done").addEventListener("click", () => $("report").close());
  pointer($("slice"));
  document.addEventListener("keydown", keyed);
}

function shade(name) {
  slices.window = name;
  for (const button of document.querySelectorAll("[data-window]")) button.setAttribute("aria-pressed", String(button.dataset.window === name));
  moved();
  slices.draw();
}

function pointer(canvas) {
  let from = null, far = false;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey) slices.zoomTo(slices.zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2), slices.atEvent(event));
    else slices.show(slices.number + (event.deltaY < 0 ? 1 : -1));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => { from = { x: event.clientX, y: event.clientY, centre: slices.centre, at: slices.atEvent(event) }; far = false; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (!slices) return;
    const [column, row] = slices.atEvent(event), density = slices.densityAt(column, row);
    if (from && tool === "box") { slices.box = [from.at, [column, row]]; slices.draw(); }
    $("pointed").textContent = density === null ? "" : `${slices.toMm(column, row).map((each) => each.toFixed(1)).join(", ")} mm\n${density} HU`;
    if (!from || Math.hypot(event.clientX - from.x, event.clientY - from.y) < 5) return;
    far = true;
    if (slices.zoom > 1 && tool !== "box") {
      const [ax, ay] = slices.scale(), dots = canvas.width / canvas.getBoundingClientRect().width;
      slices.centre = [from.centre[0] - ((event.clientX - from.x) * dots) / ax, from.centre[1] - ((event.clientY - from.y) * dots) / ay];
      slices.draw();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    const begun = from;
    from = null;
    if (!begun || working) return;
    if (tool === "box") boxed([begun.at, slices.atEvent(event)]);
    else if (!far) clicked(...slices.atEvent(event));
  });
  canvas.addEventListener("pointercancel", () => { from = null; slices.box = null; slices.draw(); });
}

const KEYS = {
  ArrowUp: () => slices.show(slices.number + 1), ArrowDown: () => slices.show(slices.number - 1),
  ArrowRight: () => slices.show(slices.number + 1), ArrowLeft: () => slices.show(slices.number - 1),
  PageUp: () => slices.show(slices.number + 10), PageDown: () => slices.show(slices.number - 10),
  Home: () => slices.show(0), End: () => slices.show(slices.nz - 1),
  n: () => step(1), b: () => step(-1), o: () => $("overlay").click(), u: () => $("undo").click(), Delete: () => $("delete").click(),
  w: () => shade({ lung: "soft", soft: "bone", bone: "lung" }[slices.window]),
  p: () => use("plus"), m: () => use("minus"), a: () => use("add"), x: () => use("box"), Escape: () => { slices.cross = null; use("look"); slices.draw(); },
  "+": () => $("larger").click(), "=": () => $("larger").click(), "-": () => $("smaller").click(), 0: () => $("fit").click(),
};
const SHIFTS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

function keyed(event) {
  if (!study || working || $("report").open || event.ctrlKey || event.metaKey || event.altKey) return;
  const writing = event.target.closest && event.target.closest("textarea, input:not([type=range]), select");
  if (writing) return;
  if (event.shiftKey && SHIFTS[event.key]) {
    const [column, row] = slices.cross || slices.centre.map((each) => Math.floor(each) + 0.5), [dc, dr] = SHIFTS[event.key];
    slices.cross = [Math.min(Math.max(column + dc, 0.5), slices.nx - 0.5), Math.min(Math.max(row + dr, 0.5), slices.ny - 0.5)];
    if (slices.box) slices.box = [slices.box[0], slices.cross];
    slices.draw();
  } else if (event.key === "Enter" && slices.cross && event.target === $("slice")) entered();
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
}

wire();
