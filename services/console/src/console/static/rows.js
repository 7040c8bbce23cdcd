// What board.js does with rows and forms.

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

export function parseForm(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector("form.form");
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

export function isInPlace(row) {
  const before = row.previousElementSibling;
  const after = row.nextElementSibling;
  const isAfter = !before?.matches(".row") || before.dataset.sort <= row.dataset.sort;
  const isBefore = !after?.matches(".row") || row.dataset.sort <= after.dataset.sort;
  return row.parentElement.dataset.band === row.dataset.band && isAfter && isBefore;
}

/** Put the row among those that are in their places, before the first that comes later. */
export function place(row, table) {
  const body = [...table.tBodies].find(({ dataset }) => dataset.band === row.dataset.band);
  const { rows } = body;
  let [low, high] = [1, rows.length - (emptyOf(body) ? 1 : 0)];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].dataset.sort > row.dataset.sort) high = middle;
    else low = middle + 1;
  }
  body.insertBefore(row, rows[low] ?? null);
}

/** The last row of a band, if it says that there are none; the first is the title. */
export function emptyOf(body) {
  const last = body.rows[body.rows.length - 1];
  return last.classList.contains("empty") ? last : null;
}

export function rowsInSight(table) {
  const rows = [...table.rows].filter((row) => row.classList.contains("row") && !row.parentElement.hidden);
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].getBoundingClientRect().bottom < 0) low = middle + 1;
    else high = middle;
  }
  const end = rows.findIndex((row, n) => n >= low && row.getBoundingClientRect().top > innerHeight);
  return rows.slice(low, end < 0 ? rows.length : end);
}

/** Write a text if it is another: each write costs a layout of the page. */
export function show(place, text) {
  if (place.textContent !== String(text)) place.textContent = text;
}

export async function post(form) {
  const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (!response) return {};
  if (response.headers.get("content-type")?.includes("json")) return response.json();
  const html = await response.text();
  if (response.status === 401) location.reload();
  return parseForm(html) ? { html } : {};
}

export async function readPage(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
  return response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
}

/**
 * Return the rows of the page, and of the rows `shown` those that the list no longer has.
 *
 * A row that came live may stand on another page of the list: those are read as long as one is
 * missing. If they can't be read, no row is gone.
 */
export async function readList(page, shown) {
  const rows = [...page.querySelectorAll("upstairs-board .row")];
  const missing = new Set(shown);
  for (const { dataset } of rows) missing.delete(dataset.id);
  const nextOf = (current) => current.querySelector("a[data-more]")?.getAttribute("href");
  const first = new URL(location.href);
  const isFirst = !first.searchParams.has("cursor");
  first.searchParams.delete("cursor");
  let next = isFirst ? nextOf(page) : first.href;
  while (missing.size > 0 && next) {
    const other = await readPage(next);
    if (!other?.querySelector("upstairs-board")) return { rows, gone: [] };
    for (const row of other.querySelectorAll("upstairs-board .row")) if (missing.delete(row.dataset.id)) rows.push(row);
    next = nextOf(other);
  }
  return { rows, gone: [...missing] };
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
