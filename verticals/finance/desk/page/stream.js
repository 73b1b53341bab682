// The stream: payments as the server scores them, the queue of alerts, a person's verdicts, the scores of a card.
"use strict";

const ROWS = 80; // payments in the table
let source = null, cursor = 0, state = null, chosenAlert = null, chosenCard = null;

shows.stream = (told) => {
  pause();
  $("payments").tBodies[0].replaceChildren();
  [cursor, chosenAlert, chosenCard] = [told.state.position, null, null];
  $("scores").href = `/desks/${session}/stream/scores.csv`;
  for (const name of ["review", "refusal"]) $(name).value = told.policies[name];
  $("card-title").replaceChildren("Scores of a card ", make("small", "", "choose a payment or an alert"));
  $("timeline").replaceChildren();
  said(told.history ? `The state was warmed up on ${whole(told.history)} earlier payments.` : "The state is cold: nothing is known of any card before the first payment.");
  arrived(told.latest);
  stood(told.state);
};

// ---- playing ----
async function play() {
  if (source || !state || cursor >= state.count) return;
  const url = await desk(`/stream/events?rate=${$("rate").value}&after=${cursor}`);
  source = new EventSource(url);
  source.addEventListener("payments", (event) => { cursor = Number(event.lastEventId); arrived(JSON.parse(event.data)); });
  source.addEventListener("state", (event) => stood(JSON.parse(event.data)));
  source.addEventListener("end", () => { pause(); said(`All ${whole(state.count)} payments are scored.`); });
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    pause();
    inDesk("GET", "/stream").then((told) => stood(told.state), (error) => said(error.message, true));
  });
  playing();
}

function pause() {
  source?.close();
  source = null;
  playing();
}

function playing() {
  const over = Boolean(state) && !source && cursor >= state.count;
  $("play").textContent = source ? "Pause" : over ? "Finished" : "Play";
  $("play").setAttribute("aria-pressed", String(Boolean(source)));
  $("play").disabled = over;
}

// ---- payments ----
function arrived(payments) {
  const body = $("payments").tBodies[0];
  for (const each of payments.slice(-ROWS)) body.prepend(line(each));
  while (body.rows.length > ROWS) body.lastChild.remove();
  if (chosenCard && payments.some((each) => each.card === chosenCard)) look(chosenCard);
}

function line(each) {
  const row = document.createElement("tr");
  row.dataset.card = each.card;
  row.dataset.id = each.id;
  row.dataset.score = each.score;
  row.tabIndex = -1;
  row.className = each.card === chosenCard ? "chosen" : "";
  row.title = `${each.id}, ${each.time}${each.text ? `, ${each.text}` : ""}`;
  for (const [text, kind] of [[each.time.slice(5, 16)], [each.card], [each.terminal], [money(each.amount), "n"], [percent(each.score), "n"]]) row.append(make("td", kind, text));
  row.cells[0].append(make("span", "seconds", each.time.slice(16)));
  const reach = row.appendChild(make("td")).appendChild(make("div", "reach")), at = logScale(0.001, 1, 0, 100);
  const bar = reach.appendChild(make("i")), dot = reach.appendChild(make("b"));
  Object.assign(bar.style, { left: `${at(each.low)}%`, width: `${at(each.high) - at(each.low)}%` });
  dot.style.left = `${at(each.score)}%`;
  reach.title = `${percent(each.score)}, between ${percent(each.low)} and ${percent(each.high)}; answered in ${each.ms.toFixed(2)} ms`;
  row.appendChild(make("td")).append(make("span", `chip ${each.decision}`, each.decision));
  return row;
}

// ---- the state and the queue ----
function stood(told) {
  state = told;
  $("n-scored").textContent = whole(told.position);
  $("n-of").textContent = `of ${whole(told.count)} scored`;
  for (const [name, of] of [["p50", "median"], ["p99", "99 of 100"]]) {
    const ms = told.latency_ms[name], own = told.latency_ms[`own_${name}`];
    $(`n-${name}`).textContent = ms === undefined ? "–" : `${ms.toFixed(2)} ms`;
    $(`n-own-${name}`).textContent = `${of}${own === undefined ? "" : `; cpu ${own.toFixed(2)} ms`}`;
  }
  $("n-open").textContent = whole(told.open);
  $("n-stake").textContent = money(told.at_stake);
  $("n-labels").textContent = whole(told.labels.known);
  $("n-frauds").textContent = `labels known, ${whole(told.labels.frauds)} of fraud`;
  $("now").textContent = told.now ? `${told.now} UTC` : "";
  $("decides").title = `${told.policy[0].toUpperCase()}${told.policy.slice(1)}`;
  playing();
  queued();
  if (!source && told.position > cursor) caughtUp();
}

// What the server had scored already when the stream was paused.
async function caughtUp() {
  const told = await inDesk("GET", `/stream?after=${cursor}`);
  if (source) return;
  arrived(told.latest.filter((each) => each.row >= cursor));
  cursor = told.state.position;
  stood(told.state);
}

function queued() {
  const list = $("alerts-list"), kept = new Map([...list.children].map((each) => [each.dataset.id, each]));
  if (!state.queue.some((each) => each.id === chosenAlert)) chosenAlert = null;
  const items = state.queue.map((each) => kept.get(each.id) || alertItem(each));
  if (!items.length) items.push(make("li", "empty", state.position ? "No alert is open." : "Nothing is scored yet: press Play."));
  else if (state.open > items.length) items.push(make("li", "empty", `and ${whole(state.open - items.length)} more`));
  if (items.length !== list.children.length || items.some((each, n) => each !== list.children[n])) list.replaceChildren(...items);
  marked();
}

function alertItem(each) {
  const item = make("li");
  item.dataset.id = each.id;
  item.dataset.card = each.card;
  const top = item.appendChild(make("div", "top"));
  top.append(make("b", "", money(each.expected_loss)), make("small", "", `expected of ${money(each.amount)}`), make("span", `chip ${each.decision}`, each.decision));
  item.append(make("div", "where", `${percent(each.score)} (${percent(each.interval.low)} to ${percent(each.interval.high)}) · card ${each.card} · ${each.terminal} · ${each.time}${each.text ? ` · ${each.text}` : ""}`));
  const why = item.appendChild(make("ul", "why"));
  for (const reason of each.reasons) {
    const one = why.appendChild(make("li"));
    one.append(make("span", "", `× ${Math.exp(reason.weight).toFixed(1)}`), reason.text);
    one.title = `${reason.code}: without it the odds of fraud would be ${Math.exp(reason.weight).toFixed(1)} times lower`;
  }
  if (!each.reasons.length) why.remove();
  const judge = item.appendChild(make("div", "judge")), yes = judge.appendChild(make("button", "accept", "Accept: fraud")), no = judge.appendChild(make("button", "dismiss", "Dismiss: legitimate"));
  yes.setAttribute("aria-label", `Accept alert ${each.id} as fraud`);
  no.setAttribute("aria-label", `Dismiss alert ${each.id} as legitimate`);
  yes.addEventListener("click", (event) => { event.stopPropagation(); judged(each.id, true); });
  no.addEventListener("click", (event) => { event.stopPropagation(); judged(each.id, false); });
  item.addEventListener("click", () => pick(each.id));
  return item;
}

function pick(id) {
  chosenAlert = id;
  const found = state.queue.find((each) => each.id === id);
  if (found) look(found.card);
  marked();
  [...$("alerts-list").children].find((each) => each.dataset.id === id)?.scrollIntoView({ block: "nearest" });
}

function marked() {
  for (const item of $("alerts-list").children) item.classList.toggle("chosen", item.dataset.id === chosenAlert && chosenAlert !== null);
  for (const row of $("payments").tBodies[0].rows) row.classList.toggle("chosen", row.dataset.card === chosenCard);
}

function step(by) {
  const ids = state.queue.map((each) => each.id), at = ids.indexOf(chosenAlert);
  if (ids.length) pick(ids[at < 0 ? 0 : (at + by + ids.length) % ids.length]);
}

// ---- judging ----
async function judged(id, fraud) {
  const ids = state.queue.map((each) => each.id), next = ids[ids.indexOf(id) + 1] ?? ids[ids.indexOf(id) - 1] ?? null;
  try {
    const told = await inDesk("POST", "/stream/labels", { id, fraud });
    if (chosenAlert === id) chosenAlert = next;
    stood(told.state);
    said(`Alert ${id} ${told.verdict}: payments after ${told.known_at} know that it was ${fraud ? "fraud" : "legitimate"}.`);
    if (chosenAlert) pick(chosenAlert); else if (chosenCard) look(chosenCard);
  } catch (error) { said(error.message, true); }
}

function said(text, bad = false) {
  $("verdict").textContent = text;
  $("verdict").classList.toggle("bad", bad);
}

async function applied() {
  const by = $("policy").value, asked = by === "alerts" ? { alerts: Number($("alerts").value) } : { costs: { ...shown.stream.policies, review: Number($("review").value), refusal: Number($("refusal").value) } };
  try {
    stood((await inDesk("POST", "/stream/policy", asked)).state);
    said(`From the next payment on: ${state.policy}.`);
  } catch (error) { said(error.message, true); }
}

// ---- the scores of a card ----
async function look(card) {
  const last = chosenCard;
  chosenCard = card;
  marked();
  let told;
  try { told = await inDesk("GET", `/stream/card?name=${encodeURIComponent(card)}`); } catch (error) {
    chosenCard = last;
    marked();
    return said(error.message, true);
  }
  if (chosenCard !== card) return;
  $("card-name").value = card;
  const { payments } = told, before = payments.filter((each) => each.row < 0).length;
  $("card-title").replaceChildren(`Scores of card ${card} `, make("small", "", `${payments.length} payments${before ? `, hollow: ${before} before the stream` : ""}; with 90 % interval, logarithmic`));
  drawn($("timeline"), (width, height) => $("timeline").replaceChildren(timeline(payments, width, height)));
}

const SHADES = { approve: "var(--good)", review: "var(--warn)", decline: "var(--bad)" };

function timeline(payments, width, height) {
  const times = payments.map((each) => Date.parse(`${each.time.replace(" ", "T")}Z`)), ends = [Math.min(...times), Math.max(...times)];
  if (ends[0] === ends[1]) [ends[0], ends[1]] = [ends[0] - 3.6e6, ends[1] + 3.6e6];
  const x = scale(...ends, 54, width - 18), y = logScale(0.001, 1, height - 26, 8);
  const chart = svg("svg", { width, height, role: "img", "aria-label": `Probability of fraud of ${payments.length} payments by time` });
  for (const level of [0.001, 0.01, 0.1, 1]) chart.append(svg("line", { class: "grid", x1: 54, x2: width - 10, y1: y(level), y2: y(level) }), svg("text", { class: "ticks", x: 48, y: y(level) + 4, "text-anchor": "end" }, `${100 * level} %`));
  const days = (ends[1] - ends[0]) / 864e5, stride = Math.max(1, Math.ceil(days / (width / 90)));
  for (let at = Math.ceil(ends[0] / 864e5); at * 864e5 <= ends[1]; at += stride) chart.append(svg("line", { class: "grid", x1: x(at * 864e5), x2: x(at * 864e5), y1: 8, y2: height - 26 }), svg("text", { class: "ticks", x: x(at * 864e5), y: height - 8, "text-anchor": "middle" }, new Date(at * 864e5).toISOString().slice(5, 10)));
  payments.forEach((each, n) => {
    const shade = SHADES[each.decision] || "var(--soft)", at = x(times[n]);
    const dot = svg("g", { class: "dot" }, svg("line", { x1: at, x2: at, y1: y(each.low), y2: y(each.high), stroke: shade, "stroke-opacity": 0.35, "stroke-width": 1.5 }), svg("circle", { cx: at, cy: y(each.score), r: each.decision && each.decision !== "approve" ? 5 : 3.2, fill: each.row < 0 ? "none" : shade, stroke: each.verdict ? "var(--ink)" : shade, "stroke-width": each.verdict ? 2 : 1.2 }));
    const text = `${each.time}\n${money(each.amount)} at ${each.terminal}\n${percent(each.score)}, ${percent(each.low)} to ${percent(each.high)}${each.decision ? `\n${each.decision}` : "\nbefore the stream"}${each.verdict ? `, ${each.verdict}` : ""}`;
    dot.addEventListener("pointermove", (event) => tip(text, event));
    dot.addEventListener("pointerleave", () => tip(""));
    chart.append(dot);
  });
  return chart;
}

// ---- mouse and keys ----
$("play").addEventListener("click", () => (source ? pause() : play()));
$("rate").addEventListener("change", () => { if (source) { pause(); play(); } });
$("apply").addEventListener("click", applied);
$("policy").addEventListener("change", () => {
  for (const each of document.querySelectorAll(".by-costs")) each.hidden = $("policy").value !== "costs";
  document.querySelector(".by-alerts").hidden = $("policy").value !== "alerts";
});
$("card-name").addEventListener("change", () => { const name = $("card-name").value.trim(); if (name) look(name); });
$("payments").addEventListener("click", (event) => { const row = event.target.closest("tbody tr"); if (row) look(row.dataset.card); });
KEYS.stream = {
  " ": () => (source ? pause() : play()), j: () => step(1), k: () => step(-1),
  a: () => chosenAlert && judged(chosenAlert, true), d: () => chosenAlert && judged(chosenAlert, false), Escape: () => pick(null),
};
