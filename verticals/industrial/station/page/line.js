// The running line: its latest units, alarms and their acknowledgment, lost senses, likely causes. It asks every second.
"use strict";

const EVERY = 1000; // ms
const STATES = { normal: "quiet", raised: "raised", acknowledged: "seen, still so", returned: "over, not yet seen" };
const ALARMS = { rejects: "rejects", unmeasurable: "units that cannot be measured", drift: "drift of good units", sensors: "lost senses" };
let line = null, asking = null, left = false, following = null; // left: another is being named; following: the question that counts

titles.line = () => (line ? [line.name] : []);

shows.line = () => {
  clearTimeout(asking);
  if (line) return follow();
  if (!session || left) return;
  ask("GET", `/stations/${session}`).then((told) => told.line && follow(), () => {});
};

async function follow() {
  clearTimeout(asking);
  const mine = (following = {});
  try {
    const told = await within("GET", "/line");
    if (following === mine) stood(told);
  } catch (error) {
    if (following !== mine) return;
    if (line) lineSaid(error.message, true); else refused("line", error);
  }
  if (following === mine && view === "line" && line) asking = setTimeout(follow, EVERY);
}

function stood(told) {
  [line, left] = [told, false];
  if (!place("line").querySelector(".start").hidden) board("line", true);
  $("chart-of").querySelector("[value=line]").disabled = false;
  const { state } = told, queue = state?.queue, ms = state?.latency_ms?.total;
  $("line-state").replaceChildren(make("i", `dot ${told.running ? "pass" : "unmeasurable"}`), told.running ? `${told.name} is running` : told.state ? `${told.name} is not running${state.why ? `: ${state.why}` : ""}` : `${told.name}: results only`, make("small", "", state?.busy_with ? `  judging ${state.busy_with}` : ""));
  const tiles = [[told.number, "units", ""], ...["pass", "review", "reject", "unmeasurable"].map((each) => [told.counts[each], each, told.counts[each] && each !== "pass" ? each : ""])];
  if (queue) tiles.push([queue.length, "waiting", ""]);
  if (ms) tiles.push([`${Math.round(ms.p50)} ms`, "median, file to verdict", ""]);
  $("line-tiles").replaceChildren(...tiles.map(([value, name, kind]) => { const tile = make("div", `tile-${kind}`); tile.append(make("b", "", typeof value === "number" ? whole(value) : value), make("small", "", name)); return tile; }));
  place("line").querySelector(".warnings").replaceChildren(...(told.left_out ? [make("li", "", "The file is long: counts and alarms here are of its latest part.")] : []));
  unitsListed();
  alarmed();
  sensed();
  $("causes").replaceChildren(...(told.causes.length ? told.causes.map(causeItem) : [make("li", "soft", "No alarm has asked for causes.")]));
  titled();
}

function unitsListed() {
  $("line-units").tBodies[0].replaceChildren(...[...line.units].reverse().map((each) => {
    const row = document.createElement("tr"), lost = each.missing.concat(each.unusable);
    row.dataset.number = each.number;
    row.append(make("td", "n", String(each.number)), make("td", "", `${each.unit}${each.attempt > 1 ? ` (${each.attempt})` : ""}`), make("td", "", clock(each.time)));
    row.insertCell().append(make("span", `chip ${each.decision}`, each.decision));
    row.append(make("td", "n", number(each.score)), make("td", "n", number(each.threshold)));
    const senses = row.insertCell();
    for (const sense of ["scan", "image", "sound"]) if (each.judged.includes(sense) || lost.includes(sense)) senses.append(make("span", `sense ${lost.includes(sense) ? "gone" : ""}`, sense));
    const said = [...each.events, ...(each.decision === "pass" ? [] : each.reasons.filter((one) => !one.startsWith("score "))), ...each.warnings];
    row.append(Object.assign(make("td", "words", said[0] || ""), { title: said.join("\n") }));
    return row;
  }));
}

function alarmed() {
  $("alarms").replaceChildren(...Object.values(line.alarms).map((each) => {
    const item = make("li", each.latched ? "latched" : each.active ? "active" : "");
    item.dataset.alarm = each.name;
    item.append(make("b", "", ALARMS[each.name] || each.name), make("span", `state ${each.state}`, STATES[each.state]));
    item.append(make("small", "", [each.n > 1 ? `${each.count} of the last ${each.of}; raised at ${each.m} of ${each.n}` : "", each.since && each.state !== "normal" ? `since ${clock(each.since)}` : "", each.acknowledged_by ? `seen by ${each.acknowledged_by}` : ""].filter(Boolean).join("; ")));
    if (each.latched) {
      const button = item.appendChild(make("button", "", "Acknowledge"));
      button.disabled = !line.can_acknowledge;
      button.title = line.can_acknowledge ? "" : "there is only a results file: open the line's folder";
      button.addEventListener("click", () => acknowledged(each.name));
    }
    return item;
  }));
}

function sensed() {
  const senses = Object.entries(line.senses);
  $("senses").replaceChildren(...senses.map(([name, each]) => {
    const item = make("li", each.state);
    item.append(make("i", `dot ${each.state === "lost" ? "reject" : each.failed_in_a_row ? "review" : "pass"}`), make("b", "", name), make("small", "", each.state === "lost" ? `lost since ${clock(each.since)}: ${each.why}` : each.failed_in_a_row ? `${each.why} for ${each.failed_in_a_row}` : "there"));
    return item;
  }));
}

async function acknowledged(alarm) {
  try {
    await within("POST", "/line/acknowledge", { by: $("by").value, alarm });
    lineSaid(line.running ? `The line is told that ${ALARMS[alarm] || alarm} were seen.` : "Word is left in its folder: the line takes it up when it starts.");
    follow();
  } catch (error) { lineSaid(error.message, true); }
}

function lineSaid(text, bad = false) {
  $("line-said").textContent = text;
  $("line-said").classList.toggle("bad", bad);
}

{
  const form = place("line").querySelector(".start");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy("line", "Opening the line", async () => { stood(await within("POST", "/line", { path: form.elements.path.value })); follow(); });
  });
  place("line").querySelector(".another").addEventListener("click", () => { clearTimeout(asking); [line, left, following] = [null, true, null]; board("line", false); form.querySelector("input").focus(); });
}
