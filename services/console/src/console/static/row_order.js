// The rows of a table in their order: where each belongs, and which wait to be put there. All that is
// asked of a thousand rows is kept here, since each look at the table would take longer.

import { show } from "./rows.js";

const COUNTED = ["needs_you", "unanswered"];

export class RowOrder {
  constructor(table) {
    this.table = table;
    /** Those that have their places, from top to bottom. */
    this.bands = new Map();
    /** All by their ids, also those that wait. */
    this.all = new Map();
    /** Those that are new, or have another band or sort key than when they were put in place. */
    this.moves = new Map();
    this.gone = new Set();
    this.counted = Object.fromEntries(COUNTED.map((band) => [band, new Set()]));
    this.news = [];
    for (const body of table.tBodies) {
      const rows = [...body.querySelectorAll(":scope > .row")];
      const [empty, title] = [".empty", ".band .count"].map((name) => body.querySelector(`:scope > ${name}`));
      this.bands.set(body.dataset.band, { body, rows, empty, title });
      for (const row of rows) {
        this.all.set(row.dataset.id, row);
        this.countIn(row);
      }
    }
  }

  get(id) {
    return this.all.get(id);
  }

  get ids() {
    return [...this.all.keys()];
  }

  /** How many are seen in a wrong place, or not at all. */
  get waiting() {
    return [...this.moves.values()].filter((row) => !isInPlace(row)).length;
  }

  /** Take up a row that is new, or has changed. */
  note(row) {
    const { id } = row.dataset;
    this.all.set(id, row);
    this.moves.set(id, row);
    this.gone.delete(row);
    row.classList.remove("gone");
    const wasCounted = this.counted.needs_you.has(id);
    this.countOut(id);
    this.countIn(row);
    if (!wasCounted && this.counted.needs_you.has(id)) this.news.push(id);
  }

  /** Take a row out; one with the focus stays in sight until nobody is in the table. */
  leave(id) {
    const row = this.all.get(id);
    if (!row) return;
    this.all.delete(id);
    this.moves.delete(id);
    this.countOut(id);
    if (row.contains(document.activeElement)) {
      row.classList.add("gone");
      this.gone.add(row);
    } else this.remove(row);
  }

  /** The ids of the rows that have come to need the reader since this was asked last. */
  takeNews() {
    return this.news.splice(0).filter((id) => this.counted.needs_you.has(id));
  }

  /** Put all in their places: only rows that are not there yet are touched. */
  settle() {
    for (const row of this.gone) this.remove(row);
    this.gone.clear();
    // First all of them leave, so that the others are in order.
    for (const row of this.moves.values()) this.unlist(row);
    for (const row of this.moves.values()) this.list(row);
    const last = [...this.moves.values()].sort((one, other) => (one.dataset.sort < other.dataset.sort ? 1 : -1));
    for (const row of last) this.put(row);
    this.moves.clear();
  }

  /** Write how many rows each band has; one without any is hidden, or says so. */
  showSizes() {
    for (const { body, rows, empty, title } of this.bands.values()) {
      show(title, rows.length);
      body.hidden = rows.length === 0 && !empty;
      if (empty) empty.hidden = rows.length > 0;
    }
  }

  /** The rows in sight: of a thousand that is a dozen. Nothing is written, so there is one layout. */
  inSight() {
    const rows = [...this.bands.values()].flatMap(({ body, rows }) => (body.hidden ? [] : rows));
    const first = findFirst(rows, (row) => row.getBoundingClientRect().bottom >= 0);
    let end = first;
    while (end < rows.length && rows[end].getBoundingClientRect().top <= innerHeight) end += 1;
    return rows.slice(first, end);
  }

  countIn({ dataset: { id, band } }) {
    this.counted[band]?.add(id);
  }

  countOut(id) {
    for (const ids of Object.values(this.counted)) ids.delete(id);
  }

  remove(row) {
    this.unlist(row);
    row.remove();
  }

  unlist(row) {
    const rows = this.bands.get(row.parentElement?.dataset.band)?.rows ?? [];
    const index = rows.indexOf(row);
    if (index >= 0) rows.splice(index, 1);
  }

  /** Before the first that comes later. */
  list(row) {
    const { rows } = this.bands.get(row.dataset.band);
    rows.splice(findFirst(rows, ({ dataset }) => dataset.sort > row.dataset.sort), 0, row);
  }

  /** The row after it is in its place already. */
  put(row) {
    const { body, rows, empty } = this.bands.get(row.dataset.band);
    const next = rows[rows.indexOf(row) + 1] ?? empty;
    if (row.parentElement !== body || row.nextElementSibling !== next) body.insertBefore(row, next);
  }
}

/** Return the index of the first row of which it is so; of all rows after it, it is so too. */
function findFirst(rows, isSo) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSo(rows[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

function isInPlace(row) {
  if (!row.isConnected) return false;
  const before = row.previousElementSibling;
  const after = row.nextElementSibling;
  const isAfter = !before?.matches(".row") || before.dataset.sort <= row.dataset.sort;
  const isBefore = !after?.matches(".row") || row.dataset.sort <= after.dataset.sort;
  return row.parentElement.dataset.band === row.dataset.band && isAfter && isBefore;
}
