// Rows of a board: read from HTML, changed in place, and the time left in them.

/** As `Texts.time_left` in texts.py writes it. */
export function timeLeft(seconds, words, secondsBelow) {
  if (Math.abs(seconds) < 1) return words.now;
  const s = Math.floor(Math.abs(seconds));
  const two = (large, unit, small, smallUnit) => {
    const rest = Math.floor((s % large) / small);
    return `${Math.floor(s / large)} ${unit}${rest ? ` ${rest} ${smallUnit}` : ""}`;
  };
  let text = `${s} ${words.s}`;
  if (s >= 86400) text = two(86400, words.d, 3600, words.h);
  else if (s >= 3600) text = two(3600, words.h, 60, words.min);
  else if (s >= secondsBelow) text = `${Math.floor(s / 60)} ${words.min}`;
  else if (s >= 60) text = two(60, words.min, 1, words.s);
  return seconds > 0 ? text : words.over.replace("{}", text);
}

export function parseRow(html) {
  const template = document.createElement("template");
  template.innerHTML = `<table><tbody>${html}</tbody></table>`;
  return template.content.querySelector("tr");
}

/** Change the cells that differ; the focus stays on the same button or link. */
export function patchRow(row, fresh) {
  for (const { name, value } of fresh.attributes) if (name !== "class") row.setAttribute(name, value);
  row.toggleAttribute("data-urgent", fresh.hasAttribute("data-urgent"));
  [...row.cells].forEach((cell, n) => {
    const other = fresh.cells[n];
    if (cell.innerHTML === other.innerHTML) return;
    const focus = cell.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
    cell.replaceChildren(...other.childNodes);
    if (focus) (cell.querySelector(focus) ?? cell.querySelector("a, button") ?? row.querySelector(".headline")).focus({ preventScroll: true });
  });
}

export function selectorOf(element) {
  if (!element || element === document.body) return null;
  if (element.id) return `#${CSS.escape(element.id)}`;
  const row = element.closest(".row[id]");
  const place = row ? `#${CSS.escape(row.id)} ` : "";
  if (element.dataset.action) return `${place}${element.localName}[data-action="${element.dataset.action}"]`;
  return `${place}${element.localName}${element.classList.length ? `.${CSS.escape(element.classList[0])}` : ""}`;
}

/** Write a text if it is another: each write costs a layout of the page. */
export function show(place, text) {
  if (place.textContent !== String(text)) place.textContent = text;
}

/** Tell whether both have the same rows in the same places. */
export function haveSameRows(content, fresh) {
  return placesOf(content) === placesOf(fresh);
}

const placesOf = (content) => [...content.querySelectorAll("tbody")].map((body) => [...body.rows].map((row) => row.id).join()).join("|");

/** Change the rows and counters that are in both; return whether there is nothing else. */
export function patchContent(content, fresh) {
  for (const row of fresh.querySelectorAll(".row[id]")) {
    const current = document.getElementById(row.id);
    if (current) patchRow(current, row.cloneNode(true));
  }
  const counters = fresh.querySelector(".counters");
  if (counters) content.querySelector(".counters")?.replaceWith(counters.cloneNode(true));
  return haveSameRows(content, fresh);
}
