// The page: keeps the session, changes between views, opens what a form names, says errors in their one sentence.
"use strict";

const VIEWS = ["unit", "charts", "line"];
const shows = {}; // by view: what is done when it comes to the front
const KEYS = {};
let session = sessionStorage.getItem("station"), view = "unit";

// ---- the session ----
async function station(path = "") {
  if (!session) {
    session = (await ask("POST", "/stations")).id;
    sessionStorage.setItem("station", session);
  }
  return `/stations/${session}${path}`;
}

// Asks within the session; one that the server has closed meanwhile is left, and what is opened is opened in a new one.
async function within(method, path, body) {
  try { return await ask(method, await station(path), body); } catch (error) {
    if (error.status !== 410 || method !== "POST" || /acknowledge/.test(path)) throw error;
    session = null;
    return ask(method, await station(path), body);
  }
}

const place = (name) => $(`view-${name}`);

async function busy(name, text, work) {
  const section = place(name);
  if (section.querySelector(".veil")) return;
  const veil = make("div", "veil"), box = veil.appendChild(make("div"));
  box.append(make("b", "", text), make("span"));
  for (const each of section.querySelectorAll(".refused")) each.textContent = "";
  section.append(veil);
  try { await work(); } catch (error) { refused(name, error); } finally { veil.remove(); }
}

function refused(name, error) {
  const section = place(name), form = section.querySelector(".start");
  if (form && !form.hidden) form.querySelector(".refused").textContent = error.message;
  else section.querySelector(".warnings").prepend(make("li", "", error.message));
}

// The form of a view, or what it opened.
function board(name, open) {
  place(name).querySelector(".start").hidden = open;
  place(name).querySelector(".board").hidden = !open;
  titled();
}

const titles = {}; // by view: what stands at the right of the head
function titled() { $("source").replaceChildren(...(titles[view]?.() ?? [])); }

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
  shows[name]?.();
}

// ---- numbers ----
const mm = (value, digits = 2) => `${signed(value, digits)} mm`;
const number = (value, digits = 2) => (value === null || value === undefined ? "–" : value < 0 ? `−${Math.abs(value).toFixed(digits)}` : value.toFixed(digits));
const clock = (time) => (time || "").slice(11, 19);

// ---- keys ----
function keyed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("[role=tablist]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    const by = event.key === "ArrowRight" ? 1 : -1;
    return change(VIEWS[(VIEWS.indexOf(view) + by + VIEWS.length) % VIEWS.length], true);
  }
  if (event.target.closest("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
  if ("123".includes(event.key)) return change(VIEWS[Number(event.key) - 1], true);
  if (place(view).querySelector(".board").hidden) return;
  const act = (KEYS[view] || {})[event.key];
  if (!act || (event.key.startsWith("Arrow") && event.target.closest("input, [role=tab]"))) return;
  event.preventDefault();
  act();
}

// ---- begin ----
async function begin() {
  for (const name of VIEWS) $(`tab-${name}`).addEventListener("click", () => change(name));
  document.addEventListener("keydown", keyed);
  addEventListener("hashchange", () => VIEWS.includes(location.hash.slice(1)) && change(location.hash.slice(1)));
  if (session) {
    try {
      const told = await ask("GET", `/stations/${session}`);
      if (told.whole.length) await again(told.whole.at(-1));
      if (told.file) filed();
    } catch { session = null; }
  }
  change(VIEWS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "unit");
  document.body.dataset.ready = "true";
}
addEventListener("DOMContentLoaded", begin);
