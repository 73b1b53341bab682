// Small help for drawing: SVG elements, scales, ticks, the tooltip, numbers as they are read. It knows no view.
"use strict";

const $ = (id) => document.getElementById(id);
const make = (tag, className, text) => Object.assign(document.createElement(tag), { className: className || "", textContent: text ?? "" });

function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== null) made.setAttribute(name, value);
  made.append(...children.filter((each) => each !== null && each !== undefined));
  return made;
}

const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
const logScale = (low, high, from, to) => {
  const linear = scale(Math.log(low), Math.log(high), from, to);
  return (value) => linear(Math.log(Math.min(Math.max(value, low), high)));
};

function ticks(high, count) {
  const rough = high / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 2.5, 5, 10].find((each) => each * power >= rough);
  return Array.from({ length: Math.floor(high / step) + 1 }, (_, n) => n * step);
}

// A drawing that is made again when its place changes size.
function drawn(place, draw) {
  let width = 0, height = 0;
  const again = () => {
    const box = place.getBoundingClientRect();
    if (!box.width || (Math.abs(box.width - width) < 1 && Math.abs(box.height - height) < 1)) return;
    [width, height] = [box.width, box.height];
    draw(width, height);
  };
  place.watcher?.disconnect();
  place.watcher = new ResizeObserver(again);
  place.watcher.observe(place);
  again();
}

function tip(text, event) {
  $("tip").hidden = !text;
  if (!text) return;
  $("tip").textContent = text;
  const box = $("tip").getBoundingClientRect();
  $("tip").style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
  $("tip").style.top = `${event.clientY + 16 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 16}px`;
}

// Words within a sentence that are a button: unlike one, they wrap with it.
function cite(text, act) {
  const made = Object.assign(make("span", "cite", text), { tabIndex: 0 });
  made.setAttribute("role", "button");
  made.addEventListener("click", act);
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  });
  return made;
}

// ---- numbers ----
const percent = (share) => { const value = 100 * share; return `${value >= 10 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(2)} %`; };
const money = (value) => value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const whole = (value) => Math.round(value).toLocaleString("en-US");
const signed = (value, digits) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
const grouped = (text) => text.replace(/\d{5,}/g, (digits) => Number(digits).toLocaleString("en-US"));
const minus = (text) => text.replace(/-(?=[\d.(])| - /g, (found) => found.replace("-", "−"));
