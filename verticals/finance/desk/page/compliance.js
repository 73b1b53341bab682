// Compliance: the queue, an alert's evidence drawn over time, and its draft, each claim with the edges that carry it.
"use strict";

let alertShown = null, pinned = null;

shows.compliance = (told) => {
  place("compliance").querySelector(".verdict").textContent = `${whole(told.alerts)} alerts in ${whole(told.payments)} payments of ${whole(told.accounts)} accounts, up to ${told.as_of}; ${told.expected_cases.toFixed(1)} cases expected`;
  $("cases").replaceChildren(...told.queue.map(caseItem));
  if (told.alerts > told.queue.length) $("cases").append(make("li", "soft", `and ${whole(told.alerts - told.queue.length)} more in the report`));
  alertShown = null;
  $("graph").replaceChildren();
  $("case").replaceChildren();
  $("row").replaceChildren();
  if (told.queue.length) openCase(told.queue[0].number);
};

function caseItem(each) {
  const item = make("li"), button = item.appendChild(make("button"));
  button.dataset.number = each.number;
  button.append(make("span", "no", each.number), make("span", "rule-name", each.rule), make("span", "p", each.score.toFixed(2)), make("span", "who", each.who));
  button.title = `${each.title}; completed ${each.at}; ${each.edges} edges; ${each.against} reasons against`;
  button.addEventListener("click", () => openCase(each.number));
  return item;
}

async function openCase(number) {
  for (const button of $("cases").querySelectorAll("button")) button.setAttribute("aria-current", String(Number(button.dataset.number) === number));
  let told;
  try { told = await inDesk("GET", `/compliance/alerts/${number}`); } catch (error) { return refused("compliance", error); }
  alertShown = told;
  pinned = null;
  $("case-title").replaceChildren(`Alert ${told.number}: ${told.title} `, make("small", "", `${told.edges.length} cited edge${told.edges.length > 1 ? "s" : ""} in the order of time${told.currency ? `, amounts in ${told.currency}` : ""}; without them the rule is silent`));
  rowOf(null);
  detail(told);
  drawn($("graph"), (width, height) => { $("graph").replaceChildren(...lanes(told, width, height)); light(pinned || []); });
}

// ---- the graph: a lane for each account, party or thing, an arrow for each edge, time from left to right ----
const LABEL = 172;

function lanes(told, width, height) {
  const count = told.edges.length, nodes = told.nodes, foot = 40, head = 14;
  const gap = Math.max(44, Math.min(74, (height - head - foot - 6) / Math.max(nodes.length, 1)));
  const tall = head + gap * nodes.length + foot, step = Math.max(told.edges.every((each) => each.kind === "transfers") ? 62 : 80, Math.min(150, (width - LABEL - 34) / Math.max(count, 1))), wide = Math.max(width - LABEL - 12, step * count + 24);
  const y = new Map(nodes.map((each, n) => [each.id, head + gap * (n + 0.5)])), x = (n) => 6 + step * (n + 0.45);
  const chart = svg("svg", { id: "evidence", width: wide, height: tall, role: "group", "aria-label": `Evidence of alert ${told.number}: ${count} edges between ${nodes.length} nodes` });
  const labels = svg("svg", { class: "lanes", width: LABEL, height: tall, "aria-hidden": "true" });
  for (const each of nodes) lane(each, told, y.get(each.id), wide, labels, chart);
  told.edges.forEach((each, n) => chart.append(arrow(each, n, x(n), y)));
  told.edges.forEach((each, n) => {
    const [day, hour] = each.time.split(" ");
    if (each.time === told.edges[n - 1]?.time && each.time.startsWith("since")) return;
    const said = each.time.startsWith("since") ? ["since", hour] : [day, hour || ""];
    said.forEach((text, line) => chart.append(svg("text", { class: "ticks", x: x(n), y: tall - foot + 18 + 14 * line, "text-anchor": "middle" }, text)));
  });
  return [labels, chart];
}

function lane(each, told, y, wide, labels, chart) {
  const own = each.id === told.subject || (each.party && each.party === told.party) || each.id === told.party, short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const below = [each.holder || each.kind.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase(), each.country].filter(Boolean).join(", ");
  const group = svg("g", { class: `node${own ? " subject" : ""}`, "data-id": each.id }, svg("text", { x: 2, y: y - 1 }, short(each.name, 23)), svg("text", { class: "sub", x: 2, y: y + 12 }, short(below, 30)));
  group.append(svg("title", {}, `${each.kind} ${each.name}${each.holder ? `, ${each.holder}` : ""}${each.country ? `, ${each.country}` : ""}`));
  labels.append(group);
  chart.append(svg("line", { class: `lane${own ? " subject" : ""}`, x1: 0, x2: wide - 4, y1: y, y2: y }));
}

function arrow(each, n, x, y) {
  const [from, to] = [y.get(each.source), y.get(each.target)], way = Math.sign(to - from) || 1;
  const kind = each.kind === "transfers" ? "" : each.kind === "listed_on" ? " entry" : " link";
  const group = svg("g", { class: `edge${kind}`, "data-n": n, "data-key": each.key, tabindex: 0, role: "button", "aria-label": `${each.key}, from ${each.source} to ${each.target}` });
  if (from === to) group.append(svg("path", { d: `M${x - 8},${from} C${x - 26},${from - 30} ${x + 26},${from - 30} ${x + 8},${from}` }), svg("path", { class: "hit", d: `M${x - 8},${from} C${x - 26},${from - 30} ${x + 26},${from - 30} ${x + 8},${from}` }));
  else group.append(svg("line", { class: "hit", x1: x, x2: x, y1: from, y2: to }), svg("line", { x1: x, x2: x, y1: from, y2: to - 8 * way }), svg("path", { class: "head", d: `M${x},${to - 3 * way} l-5,${-9 * way} h10 z` }));
  group.append(svg("circle", { cx: x, cy: from, r: 4 }), svg("text", { x: x + 8, y: (from === to ? from - 22 : from + 18 * way + 4) }, each.label));
  for (const name of ["pointerenter", "focus"]) group.addEventListener(name, () => { rowOf(each); if (!pinned) light([n]); });
  for (const name of ["pointerleave", "blur"]) group.addEventListener(name, () => { if (!pinned) light([]); });
  group.addEventListener("pointermove", (event) => tip(Object.entries(each.row).filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`).join("\n"), event));
  group.addEventListener("pointerleave", () => tip(""));
  return group;
}

function rowOf(each) {
  if (!each) return $("row").replaceChildren(make("span", "", "Point at an edge, or move to it by Tab, to read its row."));
  $("row").replaceChildren(...Object.entries(each.row).filter(([, value]) => value).map(([name, value]) => {
    const box = make("div");
    box.append(make("dt", "", name), make("dd", "", value));
    return box;
  }));
}

function light(edges, nodes = []) {
  $("graph").classList.toggle("lit-some", edges.length > 0);
  for (const each of $("graph").querySelectorAll(".edge")) each.classList.toggle("lit", edges.includes(Number(each.dataset.n)));
  for (const each of $("graph").querySelectorAll(".node")) each.classList.toggle("lit", nodes.includes(each.dataset.id));
}

// ---- what is said of the alert ----
function detail(told) {
  const list = (heading, items, none) => [make("h4", "", heading), items.length ? listOf(items) : listOf([none], "none")];
  const clauses = told.clauses.map((each) => { const line = make("p", "clause"); line.append(make("b", "", each.id), `: ${each.says}`); return line; });
  const score = facts([["probability of a case", told.score.toFixed(2)], ...Object.entries(told.measures).slice(0, 4).map(([name, value]) => [name.replaceAll("_", " "), Number.isInteger(value) ? whole(value) : value.toFixed(2)])]);
  $("case").replaceChildren(
    make("h4", "", "Draft"), make("p", "soft", shown.compliance.banner), ...told.draft.map(claimLine),
    make("h4", "", "Clauses"), ...clauses,
    ...list("What speaks against it", told.against.map((each) => each.sentence), "Nothing was found in the data."), make("p", "soft", `Often lawful: ${told.lawful}.`),
    ...list("What is missing", told.missing, "Nothing more is asked for."),
    make("h4", "", "Score and measures"), score,
  );
}

function listOf(items, className = "") {
  const list = make("ul", className);
  list.append(...items.map((each) => make("li", "", each)));
  return list;
}

function claimLine(claim) {
  const line = make("p", "claim");
  for (const part of claim.parts) {
    if (!part.cites) { line.append(part.text); continue; }
    const text = /^\d{5,}(\.\d+)?( [A-Z]{3})?$/.test(part.text) ? grouped(part.text) : part.text;
    const word = line.appendChild(cite(text, () => pin())), nodes = part.cites === "party" ? subjects() : [];
    const lights = () => { light(part.edges, nodes); for (const each of $("case").querySelectorAll(".clause")) each.classList.toggle("lit", part.cites === "rule"); };
    word.dataset.edges = part.edges.join(" ");
    word.addEventListener("pointerenter", () => { if (!pinned) lights(); });
    word.addEventListener("pointerleave", () => { if (!pinned) unlit(); });
    const pin = () => {
      const on = !word.classList.contains("lit");
      unlit();
      if (!on) return;
      pinned = part.edges;
      word.classList.add("lit");
      line.classList.add("lit");
      lights();
    };
  }
  return line;
}

const subjects = () => alertShown.nodes.filter((each) => [each.id, each.party].includes(alertShown.party) || each.id === alertShown.subject).map((each) => each.id);

function unlit() {
  pinned = null;
  for (const each of $("case").querySelectorAll(".lit")) each.classList.remove("lit");
  light([]);
}

function stepCase(by) {
  const numbers = [...$("cases").querySelectorAll("button")], at = numbers.findIndex((each) => each.getAttribute("aria-current") === "true");
  const next = numbers[(at + by + numbers.length) % numbers.length];
  openCase(Number(next.dataset.number));
  next.scrollIntoView({ block: "nearest" });
}
KEYS.compliance = { j: () => stepCase(1), k: () => stepCase(-1), Escape: unlit };
