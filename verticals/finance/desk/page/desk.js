// The page: asks the server, keeps the session, changes between views, says errors in their one sentence.
"use strict";

const VIEWS = ["stream", "market", "compliance", "notes"];
const shown = {}; // by view: what the server told of it
const shows = {}; // by view: the function that shows it
let session = sessionStorage.getItem("desk"), view = "stream";

// ---- the session ----
async function desk(path = "") {
  if (!session) {
    session = (await ask("POST", "/desks")).id;
    sessionStorage.setItem("desk", session);
  }
  return `/desks/${session}${path}`;
}

// Asks within the session; one that the server has closed meanwhile is left, and a file is opened in a new one.
async function inDesk(method, path, body) {
  try { return await ask(method, await desk(path), body); } catch (error) {
    if (error.status !== 410 || method !== "POST" || !/^\/\w+(\/sample|\?|$)/.test(path)) throw error;
    session = null;
    return ask(method, await desk(path), body);
  }
}

const place = (name) => $(`view-${name}`);

async function busy(name, text, work) {
  const section = place(name);
  if (section.querySelector(".veil")) return;
  const veil = make("div", "veil"), box = veil.appendChild(make("div")), line = section.querySelector(".refused");
  box.append(make("b", "", text), make("span"));
  line.textContent = "";
  section.append(veil);
  try { await work(); } catch (error) { refused(name, error); } finally { veil.remove(); }
}

function refused(name, error) {
  if (!shown[name] || !place(name).querySelector(".start").hidden) place(name).querySelector(".refused").textContent = error.message;
  else if (name === "stream") said(error.message, true);
  else place(name).querySelector(".warnings").prepend(make("li", "", error.message));
}

// ---- a view ----
function opened(name, told) {
  shown[name] = told;
  const section = place(name);
  section.querySelector(".start").hidden = true;
  section.querySelector(".board").hidden = false;
  for (const link of section.querySelectorAll("[data-file]")) link.href = `/desks/${session}/${name}/${link.dataset.file}`;
  const lines = section.querySelector(".warnings");
  if (lines) lines.replaceChildren(...told.warnings.map((each) => make("li", "", each)));
  shows[name](told);
  titled();
}

function titled() {
  const told = shown[view], names = told && !place(view).querySelector(".board").hidden ? told.name || Object.values(told.names).join(", ") : "";
  $("source").replaceChildren(...(names ? [told.sample ? make("span", view === "market" ? "" : "made-up", view === "market" ? "sample: " : "made-up sample") : "", names] : []));
}

function change(name, focus = false) {
  view = name;
  for (const each of VIEWS) {
    const tab = $(`tab-${each}`), on = each === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    place(each).hidden = !on;
    if (on && focus) tab.focus();
  }
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  titled();
  tip("");
}

const DOING = {
  stream: "Reading payments and warming the state up",
  market: "Walking forward over the series: forecasts, bounds and every baseline",
  compliance: "Reading payments, trying every rule, ranking the alerts",
  notes: "Reading the filing and computing its numbers again",
};

function start(name) {
  const section = place(name), form = section.querySelector(".start");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const fields = new FormData(form), warm = fields.get("warm");
    fields.delete("warm");
    for (const [field, value] of [...fields]) if (value instanceof File ? !value.size && !value.name : !value.trim()) fields.delete(field);
    busy(name, DOING[name], async () => opened(name, await inDesk("POST", `/${name}${warm ? `?warm=${warm}` : ""}`, fields)));
  });
  form.querySelector(".sample").addEventListener("click", () => busy(name, DOING[name], async () => opened(name, await inDesk("POST", `/${name}/sample`))));
  section.querySelector(".another").addEventListener("click", () => {
    if (name === "stream") pause();
    form.hidden = false;
    section.querySelector(".board").hidden = true;
    form.querySelector("input").focus();
    titled();
  });
}

// ---- keys ----
function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("[role=tablist]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    const by = event.key === "ArrowRight" ? 1 : -1;
    return change(VIEWS[(VIEWS.indexOf(view) + by + VIEWS.length) % VIEWS.length], true);
  }
  if (event.target.closest("input, textarea, select")) return;
  if ("1234".includes(event.key)) return change(VIEWS[Number(event.key) - 1], true);
  const board = place(view).querySelector(".board");
  if (board.hidden) return;
  if (event.key === " " && (event.target.closest("button, a, summary, .edge") || view !== "stream")) return;
  const act = (KEYS[view] || {})[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}
const KEYS = {};

// ---- begin ----
async function begin() {
  for (const name of VIEWS) {
    start(name);
    $(`tab-${name}`).addEventListener("click", () => change(name));
  }
  document.addEventListener("keydown", keyed);
  addEventListener("hashchange", () => VIEWS.includes(location.hash.slice(1)) && change(location.hash.slice(1)));
  change(VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "stream");
  if (!session) return;
  try {
    for (const name of (await ask("GET", `/desks/${session}`)).open) opened(name, await ask("GET", `/desks/${session}/${name}`));
  } catch { session = null; }
}
addEventListener("DOMContentLoaded", begin);
