// The live parts of a page: countdowns, rows that change in place, freshness, dialogs and keys.
// Without this file every page works by loading it again.

import { announce } from "./announcements.js";
import { connect } from "./live.js";

const FRAME_MS = 100;
const CHANGED_MS = 3000;
const RELOAD_MS = 2000;
// How often a still board reads its page again.
const STILL_MS = 20000;

/** Seconds since 1970 on the server's clock, whatever this machine's clock says. */
let offset = 0;
const now = () => Date.now() / 1000 + offset;

class Board extends HTMLElement {
  connectedCallback() {
    this.words = JSON.parse(this.dataset.words);
    this.isStill = this.hasAttribute("data-still");
    // A still board has rows of more than escalations: its page is read again as a whole.
    this.table = this.isStill ? null : this.querySelector("table.board");
    this.isPaused = false;
    this.changes = new Map();
    this.moves = new Map();
    // The rows that are marked as changed, each with the time at which it no longer is.
    this.marks = new Map();
    this.lastReload = 0;
    offset = Number(this.dataset.now) - Date.now() / 1000;
    setInterval(() => this.tick(), 1000);
    document.addEventListener("scroll", () => (this.scrolled ??= setTimeout(() => this.tick(), FRAME_MS)), { passive: true });
    this.addEventListener("pointerleave", () => this.settle());
    this.addEventListener("focusout", () => setTimeout(() => this.settle()));
    this.addEventListener("submit", (event) => this.send(event));
    this.addEventListener("click", (event) => this.openDialog(event));
    if (this.isStill) setInterval(() => this.refresh(), STILL_MS);
    else connect(this.view, (message) => this.receive(message));
    if (this.dataset.keys !== "off") document.addEventListener("keydown", (event) => this.press(event));
  }

  /** What this page shows: an escalation, or the filters in its address. */
  get view() {
    return this.dataset.view ?? location.search.slice(1);
  }

  say(name, ...values) {
    return values.reduce((text, value) => text.replace("{}", value), this.words[name]);
  }

  // Messages of the stream

  receive({ type, data }) {
    if (data.now) offset = data.now - Date.now() / 1000;
    if (type === "beat") {
      this.beat = { at: performance.now(), isLive: data.live };
      this.showFreshness();
    } else if (type === "reload") this.reload();
    else if (type === "counters") this.showCounters(data);
    else if (type === "session-over") location.reload();
    else if (this.table) this.change(data);
    else if (data.id === this.dataset.escalation) this.reload();
  }

  /** Paint at once, and what comes soon after it together. */
  change(data) {
    this.changes.set(data.id, data);
    if (this.frame) return;
    const paint = () => {
      this.frame = null;
      this.paintedAt = performance.now();
      this.paint();
    };
    const wait = Math.max(0, FRAME_MS - (performance.now() - (this.paintedAt ?? 0)));
    this.frame = setTimeout(() => (document.hidden ? paint() : requestAnimationFrame(paint)), wait);
  }

  paint() {
    const before = this.ids("needs_you");
    for (const data of this.changes.values()) this.applyChange(data);
    this.changes.clear();
    if (this.isHeld) this.count();
    else this.settle();
    announce([...this.ids("needs_you")].filter((id) => !before.has(id)), this.words.news);
  }

  applyChange({ id, version, html, sorts }) {
    const row = document.getElementById(`row-${id}`);
    const sort = sorts?.[this.view];
    if (sort === undefined) {
      if (row?.contains(document.activeElement)) row.classList.add("gone");
      else row?.remove();
      this.moves.delete(id);
      return;
    }
    if (row && Number(row.dataset.version) > version) return;
    const fresh = parseRow(html);
    fresh.dataset.sort = sort;
    if (row) patchRow(row, fresh);
    const current = row ?? fresh;
    current.classList.add("changed");
    this.marks.set(current, performance.now() + CHANGED_MS);
    if (!row || !isInPlace(row)) this.moves.set(id, current);
  }

  /** Rows stay where they are while somebody points at one or has the focus in one. */
  get isHeld() {
    return this.isPaused || this.table?.matches(":hover") || this.table?.contains(document.activeElement);
  }

  /** Somebody points at a still board, has the focus in it, or reads another page. */
  get isInUse() {
    const isOpen = this.querySelector("details[open]") !== null;
    return document.hidden || isOpen || this.matches(":hover") || this.contains(document.activeElement);
  }

  settle(isAsked = false) {
    if (!this.table || (this.isHeld && !isAsked)) {
      this.showHeld();
      return;
    }
    const focus = document.activeElement;
    // First all of them leave, so that the others are in order.
    for (const row of this.moves.values()) row.remove();
    for (const row of this.moves.values()) place(row, this.table);
    this.moves.clear();
    for (const row of [...this.table.rows]) if (row.classList.contains("gone")) row.remove();
    // Before the focus returns, since a band that was empty is hidden.
    this.count();
    if (focus !== document.activeElement && this.contains(focus)) focus.focus({ preventScroll: true });
    this.showHeld();
  }

  showHeld() {
    const count = this.moves.size;
    const notice = document.getElementById("held");
    if (!notice) return;
    notice.hidden = count === 0;
    notice.querySelector("button").textContent = this.say("held", count);
  }

  refresh() {
    if (!this.isStill || !this.isInUse) this.reload();
  }

  /** Read the page again, and take over what differs. */
  async reload() {
    const wait = RELOAD_MS - (performance.now() - this.lastReload);
    if (wait > 0) {
      // A timer may be early by less than a millisecond: then it waits once more.
      this.reloadTimer ??= setTimeout(() => {
        this.reloadTimer = null;
        this.reload();
      }, wait);
      return;
    }
    clearTimeout(this.reloadTimer);
    this.reloadTimer = null;
    this.lastReload = performance.now();
    const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!response?.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const board = page.querySelector("upstairs-board");
    if (!board) return;
    for (const place of page.querySelectorAll("[data-counter]"))
      this.showCounters({ [place.dataset.counter]: place.querySelector(".count").textContent });
    if (this.table) this.takeRows(board);
    else this.takeContent(board);
    const freshness = page.getElementById("freshness");
    if (this.isStill && freshness) document.getElementById("freshness").textContent = freshness.textContent;
  }

  takeRows(board) {
    const kept = new Set();
    for (const row of board.querySelectorAll(".row")) {
      const { id, version, sort } = row.dataset;
      kept.add(id);
      const current = document.getElementById(row.id)?.dataset;
      if (current?.version === version && current.sort === sort && current.primary === row.dataset.primary) continue;
      this.change({ id, version: Infinity, html: row.outerHTML, sorts: { [this.view]: sort } });
    }
    for (const row of this.table.querySelectorAll(".row"))
      if (!kept.has(row.dataset.id)) this.change({ id: row.dataset.id });
  }

  takeContent(board) {
    if (document.querySelector("dialog[open]")) return;
    const focus = this.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
    const open = [...this.querySelectorAll("details")].map((details) => details.open);
    const outcome = document.getElementById("outcome");
    this.replaceChildren(...board.childNodes);
    if (outcome) document.getElementById("outcome")?.replaceWith(outcome);
    [...this.querySelectorAll("details")].forEach((details, n) => (details.open = open[n] ?? false));
    // What had the focus may be gone, such as the button of what was done.
    if (focus) (this.querySelector(focus) ?? document.getElementById("main")).focus({ preventScroll: true });
  }

  // Countdowns, counters, freshness

  /** Tick on what is in sight: of a thousand rows that is a dozen. */
  tick() {
    clearTimeout(this.scrolled);
    this.scrolled = null;
    for (const place of this.table ? rowsInSight(this.table) : [this])
      for (const time of place.querySelectorAll("time[data-until]")) this.tickOn(time);
    const at = performance.now();
    for (const [row, until] of this.marks) {
      if (at < until) continue;
      row.classList.remove("changed");
      this.marks.delete(row);
    }
    this.showFreshness();
  }

  tickOn(time) {
    const left = Number(time.dataset.until) - now();
    show(time, timeLeft(left, this.words, Number(this.dataset.secondsBelow)));
    const tone = left < 0 ? "over" : left <= Number(this.dataset.soon) ? "soon" : "calm";
    const block = time.closest("[data-tone]");
    if (!block || block.dataset.tone === tone) return;
    block.dataset.tone = tone;
    // What to press, and the band, may be others now.
    if (block.classList.contains("countdown") || block.classList.contains("deadline")) this.refresh();
  }

  showFreshness() {
    const place = document.getElementById("freshness");
    if (!place || !this.beat) return;
    const age = (performance.now() - this.beat.at) / 1000;
    const tone = age > 15 ? "over" : age > 5 || !this.beat.isLive ? "soon" : "calm";
    if (tone === "over" && place.dataset.tone !== "over")
      this.lostAt = new Date(Date.now() - age * 1000).toLocaleTimeString([], { timeStyle: "short" });
    if (place.dataset.tone !== tone) place.dataset.tone = tone;
    document.body.classList.toggle("offline", tone === "over");
    const text = { calm: "live", soon: "old", over: "lost" }[tone];
    show(place, this.say(text, tone === "over" ? this.lostAt : age.toFixed(tone === "calm" ? 1 : 0)));
  }

  ids(band) {
    const rows = [...(this.table?.rows ?? [])].filter((row) => row.dataset.band === band);
    return new Set(rows.map((row) => row.dataset.id));
  }

  count() {
    for (const body of this.table.tBodies) {
      const empty = emptyOf(body);
      const rows = body.rows.length - (empty ? 2 : 1);
      show(body.rows[0].querySelector(".count"), rows);
      body.hidden = rows === 0 && !empty;
      if (empty) empty.hidden = rows > 0;
    }
    this.showCounters({
      needs_you: this.ids("needs_you").size,
      unanswered: this.ids("unanswered").size,
    });
  }

  showCounters(counters) {
    for (const [name, value] of Object.entries(counters)) {
      const place = document.querySelector(`[data-counter="${name}"]`);
      if (!place) continue;
      show(place.querySelector(".count"), value);
      if (["needs_you", "unanswered"].includes(name)) place.classList.toggle("warning", value > 0);
    }
  }

  // Actions

  async send(event) {
    // Other forms lead to a page.
    const form = event.target.closest("form[method=post]:is([data-action], .form)");
    if (!form) return;
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button");
    const label = button.textContent;
    button.disabled = true;
    button.textContent = this.say("sent");
    const answer = await post(form);
    if (answer.html) {
      form.replaceWith(parseForm(answer.html));
      this.querySelector("dialog [aria-invalid], dialog [role=alert]")?.focus();
      return;
    }
    button.disabled = false;
    button.textContent = label;
    if (!answer.text) {
      this.tell(this.say("failed"), "over");
      return;
    }
    form.closest("dialog")?.close();
    this.tell(answer.text, answer.is_done ? "calm" : "over");
    const sort = new URLSearchParams(this.view).get("sort") ?? "time_left";
    if (this.table && answer.row && !answer.row.keys[sort]) this.step(document.getElementById(`row-${answer.row.id}`), 1);
    if (this.table && answer.row) this.change({ ...answer.row, sorts: { [this.view]: answer.row.keys[sort] } });
    else this.reload();
  }

  tell(text, tone) {
    const notice = document.getElementById("outcome");
    notice.className = `notice ${tone}`;
    notice.querySelector("p").textContent = text;
    notice.hidden = false;
    clearTimeout(this.outcomeTimer);
    if (tone === "calm") this.outcomeTimer = setTimeout(() => (notice.hidden = true), 8000);
  }

  async openDialog(event) {
    if (event.target.closest("[data-close]") && event.target.closest("dialog")) {
      event.preventDefault();
      event.target.closest("dialog").close();
      return;
    }
    if (event.target.closest("[data-apply]")) this.settle(true);
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.closest("details")?.removeAttribute("open");
    const response = await fetch(link.href).catch(() => null);
    const form = response?.ok && parseForm(await response.text());
    if (!form) {
      location.href = link.href;
      return;
    }
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "form-title");
    dialog.append(form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      link.isConnected && link.focus();
    });
    this.append(dialog);
    dialog.showModal();
    (form.querySelector("select, textarea, input:not([type=hidden])") ?? form.querySelector("button")).focus();
  }

  // Keys: they act on the row that has the focus, and never in a field.

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, dialog, [contenteditable]")) return;
    const row = event.target.closest(".row");
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (event.key === "/") this.openFilters();
    else if (event.key === ".") this.settle(true);
    else if (event.key === "p" && this.table) this.pause();
    else if (event.key === "?") document.getElementById("keys")?.showModal();
    else if (step && this.hasRows) this.step(row, step);
    else if (!this.act(row ?? this, event.key)) return;
    event.preventDefault();
  }

  get hasRows() {
    return this.querySelector(".row") !== null;
  }

  step(row, by) {
    const rows = [...this.querySelectorAll(".row")];
    const next = rows[row ? rows.indexOf(row) + by : 0];
    next?.querySelector(".headline").focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  act(place, key) {
    if (place === this && this.hasRows) return false;
    const button = place.querySelector(`[data-key="${CSS.escape(key)}"]`);
    button?.click();
    return button !== null;
  }

  openFilters() {
    const box = document.querySelector(".filter-box");
    if (!box) return;
    box.open = true;
    box.querySelector("select").focus();
  }

  pause() {
    this.isPaused = !this.isPaused;
    this.tell(this.say(this.isPaused ? "paused" : "resumed"), "calm");
    if (!this.isPaused) this.settle(true);
  }
}

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

function parseRow(html) {
  const template = document.createElement("template");
  template.innerHTML = `<table><tbody>${html}</tbody></table>`;
  return template.content.querySelector("tr");
}

function parseForm(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector("form.form");
}

/** Change the cells that differ; the focus stays on the same button or link. */
function patchRow(row, fresh) {
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

function selectorOf(element) {
  if (!element || element === document.body) return null;
  if (element.id) return `#${CSS.escape(element.id)}`;
  const row = element.closest(".row[id]");
  const place = row ? `#${CSS.escape(row.id)} ` : "";
  if (element.dataset.action) return `${place}${element.localName}[data-action="${element.dataset.action}"]`;
  return `${place}${element.localName}${element.classList.length ? `.${CSS.escape(element.classList[0])}` : ""}`;
}

function isInPlace(row) {
  const before = row.previousElementSibling;
  const after = row.nextElementSibling;
  const isAfter = !before?.matches(".row") || before.dataset.sort <= row.dataset.sort;
  const isBefore = !after?.matches(".row") || row.dataset.sort <= after.dataset.sort;
  return row.parentElement.dataset.band === row.dataset.band && isAfter && isBefore;
}

/** Put the row among those that are in their places, before the first that comes later. */
function place(row, table) {
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
function emptyOf(body) {
  const last = body.rows[body.rows.length - 1];
  return last.classList.contains("empty") ? last : null;
}

function rowsInSight(table) {
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
function show(place, text) {
  if (place.textContent !== String(text)) place.textContent = text;
}

async function post(form) {
  const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (!response) return {};
  if (response.headers.get("content-type")?.includes("json")) return response.json();
  const html = await response.text();
  if (response.status === 401) location.reload();
  return parseForm(html) ? { html } : {};
}

customElements.define("upstairs-board", Board);
