// Notes: claims whose numbers are buttons, and the filing in which a click shows what they are from.
"use strict";

shows.notes = (told) => {
  place("notes").querySelector(".verdict").textContent = told.verdict;
  $("filing-name").textContent = `${told.tables.length} tables, ${told.paragraphs.length} paragraphs; marked cells are cited`;
  filing(told);
  $("claims").replaceChildren(...told.groups.flatMap((group) => [make("h4", "", group.heading), ...group.claims.map(noteClaim)]), make("p", "soft", `${told.checked} sentences were verified. ${told.banner}`));
};

function noteClaim(claim) {
  const line = make("div", `claim ${claim.kind}`);
  line.dataset.cites = claim.cites.join("|");
  for (const part of claim.parts) {
    if (!part.cite) { line.append(part.text); continue; }
    const word = line.appendChild(cite(part.text, () => cited(line, word, [part.cite], claim.words)));
    word.dataset.cite = part.cite;
    word.title = part.cite;
  }
  if (claim.cites.length > 1) {
    const all = line.appendChild(cite(`all ${claim.cites.length}`, () => cited(line, all, claim.cites, claim.words)));
    all.classList.add("all");
    all.setAttribute("aria-label", `show all ${claim.cites.length} sources`);
  }
  if (claim.formula && !claim.sentence.includes(claim.formula.split(" = ")[0])) line.append(make("span", "formula", minus(grouped(claim.formula))));
  if (claim.confidence !== undefined) line.append(make("span", "formula", `${claim.operation}; confidence ${claim.confidence.toFixed(2)} between the programs tried`));
  return line;
}

function cited(line, word, keys, words) {
  const on = !word.classList.contains("lit");
  cleared();
  if (!on) return;
  line.classList.add("lit");
  word.classList.add("lit");
  const places = keys.map((key) => [...$("filing").querySelectorAll("[data-key]")].find((each) => each.dataset.key === key)).filter(Boolean);
  for (const each of places) {
    each.classList.add("lit");
    if (each.tagName === "P") quoted(each, words);
  }
  places[0]?.scrollIntoView({ block: "center", behavior: "instant" });
}

// Marks words where they stand in a paragraph.
function quoted(paragraph, words) {
  for (const each of words) {
    const text = paragraph.textContent, at = text.indexOf(each);
    if (at < 0) continue;
    paragraph.replaceChildren(text.slice(0, at), make("mark", "", each), text.slice(at + each.length));
  }
}

function cleared() {
  for (const each of place("notes").querySelectorAll(".lit")) each.classList.remove("lit");
  for (const each of $("filing").querySelectorAll("p")) if (each.querySelector("mark")) each.textContent = each.textContent;
}

function filing(told) {
  const cited = new Set(told.groups.flatMap((group) => group.claims.flatMap((claim) => claim.cites)));
  const tables = told.tables.flatMap((each) => [make("h4", "", `Table ${each.number}${each.title ? `, ${each.title}` : ""}`), tableOf(each, cited)]);
  const texts = told.paragraphs.map((each) => { const text = make("p", "", each.text); text.dataset.key = each.key; return text; });
  $("filing").replaceChildren(...tables, make("h4", "", "Text"), ...texts);
}

function tableOf(each, cited) {
  const made = make("table");
  for (const line of each.lines) {
    const row = made.insertRow();
    row.className = line.head ? "head" : "";
    line.cells.forEach((cell, n) => {
      if (line.head && !cell.text && n > 1 && row.lastChild.textContent) return void (row.lastChild.colSpan += 1);
      const shown = row.appendChild(make("td", cited.has(cell.key) ? "cited" : "", minus(cell.text)));
      if (!cell.key) return;
      shown.dataset.key = cell.key;
      if (cited.has(cell.key)) shown.addEventListener("click", () => citing(cell.key));
    });
  }
  return made;
}

// The claims that rest on a cell.
function citing(key) {
  cleared();
  const lines = [...$("claims").querySelectorAll(".claim")].filter((each) => each.dataset.cites.split("|").includes(key));
  for (const each of lines) each.classList.add("lit");
  lines[0]?.scrollIntoView({ block: "nearest" });
  $("filing").querySelector(`[data-key="${CSS.escape(key)}"]`)?.classList.add("lit");
}
KEYS.notes = { Escape: cleared };
