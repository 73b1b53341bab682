// Market risk: the fan of the forecast behind the days before it, the tail, the warning, the record against baselines.
"use strict";

const OPACITY = { 0.9: 0.16, 0.8: 0.22, 0.5: 0.34 };
let fanAt = null;

shows.market = (told) => {
  const one = told.horizons[0], [low, high] = outer(one);
  place("market").querySelector(".verdict").textContent = `${told.name}: volatility of the day after ${told.as_of} ${one.value.toFixed(1)} % a year, ${low.toFixed(1)} to ${high.toFixed(1)} % with ${percent(one.spans.at(-1).coverage)} confidence`;
  $("fan-said").textContent = "dots: each day; line and band: its forecast of the day before, 90 %; right: 50, 80, 90 %; dotted: HAR";
  $("horizons").replaceChildren(...told.horizons.map(horizon));
  baselines(told);
  warning(told);
  crises(told);
  $("evaluated").replaceChildren();
  if (told.table.length) {
    const button = $("evaluated").appendChild(make("button", "", "Evaluate with intervals"));
    button.title = "Runs evaluate on the open series: months are redrawn";
    button.addEventListener("click", () => busy("market", "Evaluating: the walk again, with intervals over months", async () => evaluated(await inDesk("POST", "/market/evaluation"))));
  }
  fanAt = null;
  drawn($("fan"), (width, height) => $("fan").replaceChildren(fan(told, width, height)));
};

const outer = (each) => { const span = each.spans.at(-1); return [span.low, span.high]; };
const words = (days) => (days === 1 ? "Next day" : `Next ${days} days`);

function facts(pairs) {
  const list = make("dl", "facts");
  for (const [name, value] of pairs) list.append(make("dt", "", name), make("dd", "", value));
  return list;
}

function horizon(each) {
  const box = make("div", "horizon"), loss = (value) => (value === null ? "too few past days" : `${value.toFixed(1)} %`);
  box.append(make("h4", "", words(each.days)), make("b", "", each.value.toFixed(1)), make("small", "", " % a year"));
  box.title = "VaR, ES: the loss that one day in a hundred goes beyond, and the mean loss of those days";
  const rows = each.spans.map((span) => [`${percent(span.coverage)} interval`, `${span.low.toFixed(1)} to ${span.high.toFixed(1)}`]).reverse();
  rows.push(["HAR alone", each.har.toFixed(1)]);
  if (each.without_news !== null) rows.push(["without the news", each.without_news.toFixed(1)]);
  if (each.without_chart_and_call !== null) rows.push(["without chart and call", each.without_chart_and_call.toFixed(1)]);
  rows.push(["VaR, 1 in 100", loss(each.value_at_risk)], ["ES, 1 in 100", loss(each.expected_shortfall)]);
  box.append(facts(rows));
  return box;
}

// ---- the fan ----
function fan(told, width, height) {
  const past = told.past, left = 40, right = 10, foot = 26, head = 8, ahead = Math.max(120, 0.2 * width);
  const most = Math.max(...past.map((each) => Math.max(each.day, each.high ?? 0)), ...told.horizons.map((each) => outer(each)[1])) * 1.04;
  const x = scale(-past.length, 0, left, width - right - ahead), y = scale(0, most, height - foot, head);
  const chart = svg("svg", { id: "fan-chart", width, height, role: "img", "aria-label": `Past volatility and forecasts: ${told.horizons.map((each) => `${words(each.days)} ${each.value.toFixed(1)} %, ${outer(each).map((end) => end.toFixed(1)).join(" to ")}`).join("; ")}` });
  for (const level of ticks(most, 6)) chart.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(level), y2: y(level) }), svg("text", { class: "ticks", x: left - 6, y: y(level) + 4, "text-anchor": "end" }, String(level)));
  months(chart, past, x, height);
  const known = past.map((each, n) => ({ ...each, x: x(n - past.length + 0.5) })).filter((each) => each.low !== null);
  const band = [...known.map((each) => `${each.x},${y(each.high)}`), ...known.toReversed().map((each) => `${each.x},${y(each.low)}`)];
  chart.append(svg("polygon", { class: "band", points: band.join(" "), fill: "var(--one)", "fill-opacity": 0.12 }));
  chart.append(svg("polyline", { class: "forecast", points: known.map((each) => `${each.x},${y(each.forecast)}`).join(" "), fill: "none", stroke: "var(--one)", "stroke-width": 1.8 }));
  past.forEach((each, n) => chart.append(svg("circle", { class: "day", cx: x(n - past.length + 0.5), cy: y(each.day), r: 2.2, fill: each.high !== null && (each.day > each.high || each.day < each.low) ? "var(--two)" : "var(--soft)" })));
  chart.append(svg("line", { class: "axis", x1: x(0), x2: x(0), y1: head, y2: height - foot, "stroke-width": 1.5 }), svg("text", { class: "ticks", x: x(0) - 4, y: height - 9, "text-anchor": "end" }, told.as_of));
  told.horizons.forEach((each, n) => column(chart, each, x(0) + 10 + n * (ahead / 2), ahead / 2 - 16, y, height, n));
  hover(chart, told, x, y, { left, head, foot, height });
  return chart;
}

function months(chart, past, x, height) {
  let room = -Infinity;
  past.forEach((each, n) => {
    const at = x(n - past.length + 0.5);
    if (n === 0 || each.date.slice(0, 7) === past[n - 1].date.slice(0, 7) || at - room < 62 || x(0) - at < 110) return;
    room = at;
    chart.append(svg("text", { class: "ticks", x: at, y: height - 9, "text-anchor": "middle" }, each.date.slice(0, 7)), svg("line", { class: "axis", x1: at, x2: at, y1: height - 26, y2: height - 22 }));
  });
}

// One horizon of the forecast: nested bands, the middle, HAR.
function column(chart, each, left, width, y, height, n) {
  const shade = n ? "var(--two)" : "var(--one)", group = svg("g", { class: "quantiles", "data-days": each.days });
  for (const span of [...each.spans].sort((one, other) => other.coverage - one.coverage)) {
    group.append(svg("rect", { class: "quantile", "data-coverage": span.coverage, x: left, width, y: y(span.high), height: y(span.low) - y(span.high), fill: shade, "fill-opacity": OPACITY[span.coverage] || 0.2 }));
  }
  group.append(svg("line", { x1: left, x2: left + width, y1: y(each.value), y2: y(each.value), stroke: shade, "stroke-width": 2.5 }), svg("line", { x1: left, x2: left + width, y1: y(each.har), y2: y(each.har), stroke: shade, "stroke-width": 1.4, "stroke-dasharray": "2 3" }));
  const [low, high] = outer(each);
  for (const [value, at] of [[high, -5], [low, 13]]) group.append(svg("text", { class: "ticks", x: left + width / 2, y: y(value) + at, "text-anchor": "middle" }, value.toFixed(1)));
  group.append(svg("text", { class: "middle", x: left + width / 2, y: y(Math.max(each.value, each.har)) - 6, "text-anchor": "middle" }, each.value.toFixed(1)));
  group.append(svg("text", { class: "ticks", x: left + width / 2, y: height - 9, "text-anchor": "middle" }, words(each.days).toLowerCase()));
  chart.append(group);
}

function hover(chart, told, x, y, { left, head, foot, height }) {
  const line = chart.appendChild(svg("line", { class: "cross", y1: head, y2: height - foot, stroke: "var(--ink)", "stroke-opacity": 0.5, visibility: "hidden" })), count = told.past.length;
  const show = (n, event) => {
    fanAt = n;
    line.setAttribute("visibility", n === null ? "hidden" : "visible");
    if (n === null) return tip("");
    const each = told.past[n], at = x(n - count + 0.5);
    line.setAttribute("x1", at);
    line.setAttribute("x2", at);
    const box = chart.getBoundingClientRect();
    tip(`${each.date}: ${each.day.toFixed(1)} % a year\nforecast the day before: ${each.forecast.toFixed(1)}, ${each.low.toFixed(1)} to ${each.high.toFixed(1)}\nmean of five days: ${each.week.toFixed(1)}, close ${whole(each.close)}`, event || { clientX: box.left + at, clientY: box.top + y(each.day) });
  };
  chart.addEventListener("pointermove", (event) => {
    const inside = event.clientX - chart.getBoundingClientRect().left, n = Math.floor(((inside - left) / (x(0) - left)) * count);
    show(n >= 0 && n < count && told.past[n].low !== null ? n : null, event);
  });
  chart.addEventListener("pointerleave", () => show(null));
  const move = (by) => { const n = fanAt === null ? count - 1 : Math.min(Math.max(fanAt + by, 0), count - 1); if (told.past[n].low !== null) show(n); };
  KEYS.market = { ArrowLeft: () => move(-1), ArrowRight: () => move(1), Escape: () => show(null) };
}

// ---- the tables ----
function table(heads, rows, ours = -1) {
  const made = make("table"), head = made.createTHead().insertRow(), body = made.createTBody();
  heads.forEach((each, n) => head.append(make("th", n ? "n" : "", each)));
  rows.forEach((cells, at) => {
    const row = body.insertRow();
    if (at === ours) row.className = "ours";
    cells.forEach((each, n) => row.append(make("td", n ? "n" : "", each)));
  });
  return made;
}

function baselines(told) {
  if (!told.table.length) {
    $("since").textContent = "";
    return $("baselines").replaceChildren(make("p", "soft", "Fewer than sixty forecasts of this series can be judged: too little of it lies after the days that the network learnt from."));
  }
  const { record } = told;
  $("since").textContent = `${whole(record.judged)} days from ${record.since} on; QLIKE, lower is better; t: Diebold-Mariano against HAR with leverage`;
  const names = { colonnade: "this forecast", network: "HAR + network", boosting_on_har: "HAR + boosting" };
  const rows = told.table.map((each) => [names[each.model] || each.label, ...each.cells.flatMap((cell) => [cell.qlike.toFixed(4), each.model === "har_leverage" ? "" : signed(cell.t, 1)])]);
  $("baselines").replaceChildren(table(["model", "1 day", "t", "5 days", "t"], rows, told.table.findIndex((each) => each.model === "colonnade")));
}

function evaluated(told) {
  const span = ([low, high], sign) => `[${sign ? signed(low, 4) : low.toFixed(4)}, ${sign ? signed(high, 4) : high.toFixed(4)}]`;
  const lines = told.rows.map((each) => `${words(each.days)}: QLIKE ${each.qlike.toFixed(4)} ${span(each.qlike_span)}; less HAR with leverage ${signed(each.less, 4)} ${span(each.less_span, true)}; bounds held ${(100 * each.coverage).toFixed(1)} %.`);
  $("evaluated").replaceChildren(...lines.map((each) => make("p", "", each)), make("p", "soft", `evaluate, ${whole(told.n)} days: ${told.notes[0]}; months redrawn.`));
}

function warning(told) {
  const each = told.drawdown;
  if (!each) return $("drawdown").replaceChildren(make("p", "soft", "The series is too short to speak of such falls."));
  const top = Math.max(0.3, 1.25 * each.probability, 1.25 * each.share), gauge = make("div", "gauge"), fill = gauge.appendChild(make("i")), mark = gauge.appendChild(make("b")), said = gauge.appendChild(make("small", "", `came on ${percent(each.share)} of days`));
  fill.style.width = `${(100 * each.probability) / top}%`;
  mark.style.left = said.style.left = `${(100 * each.share) / top}%`;
  const verdict = make("span", `chip ${each.alert ? "decline" : "approve"}`, each.alert ? "warning" : "no warning");
  const line = make("div", "top");
  line.append(make("span", "big", percent(each.probability)), make("small", "", `that the close falls by ${(100 * each.fall).toFixed(0)} % within ${each.days} days`), verdict);
  $("drawdown").replaceChildren(line, gauge, facts([["warned of at most", `${percent(each.budget)} of days`], ["Brier's score on this series", each.brier.toFixed(4)], ["of always saying the share", each.brier_of_share.toFixed(4)], ["days judged", whole(each.judged)]]));
}

function crises(told) {
  if (!told.stress.length) return $("stress").replaceChildren(make("p", "soft", "None of the five crises is covered by judged days of this series."));
  const rows = told.stress.map((each) => [each.name, String(each.days), each.qlike.toFixed(3), each.har.toFixed(3), percent(each.coverage), `${each.misses} of ${each.with_risk}`, `${signed(each.worst, 1)} %`]);
  $("stress").replaceChildren(table(["crisis", "days", "QLIKE", "HAR", "held", "beyond VaR", "worst"], rows));
}
