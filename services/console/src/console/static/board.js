// The live parts of a page: countdowns, rows that change in place, freshness, dialogs and keys.
// Without this file every page works by loading it again.

import { Actions } from "./actions.js";
import { announce } from "./announcements.js";
import { Freshness } from "./freshness.js";
import { Keys } from "./keys.js";
import { connect } from "./live.js";
import { readList, readPage } from "./requests.js";
import { RowOrder } from "./row_order.js";
import { haveSameRows, parseRow, patchContent, patchRow, selectorOf, show, timeLeft } from "./rows.js";

const FRAME_MS = 100;
const CHANGED_MS = 3000;
const RELOAD_MS = 2000;
// How often a still board reads its page again, also while somebody uses it.
const STILL_MS = 20000;
const STILL_IN_USE_MS = 60000;
// A pointer that rests so long uses nothing.
const POINTER_MS = 3000;

/** Seconds since 1970 on the server's clock, whatever this machine's clock says. */
let offset = 0;
const now = () => Date.now() / 1000 + offset;

class Board extends HTMLElement {
  connectedCallback() {
    this.words = JSON.parse(this.dataset.words);
    this.view = this.readView();
    this.sort = new URLSearchParams(this.view).get("sort") ?? "time_left";
    this.isStill = this.hasAttribute("data-still");
    this.isWall = this.dataset.view === "screen=wall";
    // A still board has more than rows of escalations: it is put in place as a whole.
    const table = this.isStill ? null : this.querySelector("table.board");
    this.rows = table && new RowOrder(table);
    this.freshness = new Freshness(this.dataset.screen, (...text) => this.say(...text));
    this.actions = new Actions(this);
    this.isPaused = false;
    this.changes = new Map();
    // The rows that are marked as changed, each with the time at which it no longer is.
    this.marks = new Map();
    this.lastReload = 0;
    this.pieces = [];
    offset = Number(this.dataset.now) - Date.now() / 1000;
    setInterval(() => this.tick(), 1000);
    document.addEventListener("scroll", () => (this.scrolled ??= setTimeout(() => this.tick(), FRAME_MS)), { passive: true });
    this.addEventListener("pointermove", () => (this.pointerAt = performance.now()));
    this.addEventListener("pointerleave", () => this.settle());
    this.addEventListener("focusout", () => setTimeout(() => this.settle()));
    if (this.isStill) setInterval(() => this.refresh(), STILL_MS);
    if (!this.isStill || this.dataset.screen || this.dataset.view) connect(this.view, (message) => this.receive(message));
    if (this.dataset.keys !== "off") new Keys(this);
  }

  /** Return what this page shows: an escalation, a screen, or the filters in its address. */
  readView() {
    const query = location.search.slice(1);
    const { view, screen } = this.dataset;
    return view ?? (screen ? `screen=${screen}${query && `&${query}`}` : query);
  }

  say(name, ...values) {
    return values.reduce((text, value) => text.replace("{}", value), this.words[name]);
  }

  // Messages of the stream

  receive({ type, data }) {
    if (data.now) offset = data.now - Date.now() / 1000;
    if (type === "beat") this.freshness.noteBeat(data);
    else if (type === "reload") this.reload();
    else if (type === "erased") this.reload();
    else if (type === "screen") this.takePieces(data);
    else if (type === "stale") this.noteStale(data);
    else if (type === "counters") this.showCounters(data);
    else if (type === "session-over") location.reload();
    else if (this.rows) this.change(data);
    else if (this.isWall ? data.id : data.id === this.dataset.escalation) this.reload();
  }

  /** The page has changed: read it when nobody uses it, at the latest with the next second. */
  noteStale({ view }) {
    if (view === this.view) this.isStale = true;
    this.refreshStale();
  }

  refreshStale() {
    if (!this.isStale || (this.isStill ? this.isInUse : this.querySelector("dialog[open]"))) return;
    if (this.freshContent) this.takeContent(this.freshContent);
    else this.reload();
  }

  /** Put the pieces together that the stream sends; the first message of a connection has all. */
  takePieces({ view, size, pieces }) {
    if (view !== this.view) return;
    for (const [place, piece] of pieces) this.pieces[place] = piece;
    this.pieces.length = size;
    if (this.pieces.includes(undefined)) return;
    const fresh = new DOMParser().parseFromString(this.pieces.join(""), "text/html").body;
    if (this.isInUse || haveSameRows(this.content, fresh)) {
      this.isStale = !patchContent(this.content, fresh);
      this.freshContent = fresh;
    } else this.takeContent(fresh);
  }

  get content() {
    return this.querySelector("[data-content]") ?? this;
  }

  // Rows

  /** Paint at once, and what comes soon after it together. */
  change(data) {
    // Most that leave were never here: the console does not know what a page shows.
    if (data.sorts?.[this.view] === undefined && !this.rows.get(data.id) && !this.changes.has(data.id)) return;
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
    for (const data of this.changes.values()) this.applyChange(data);
    this.changes.clear();
    if (this.isHeld) this.count();
    this.settle();
    announce(this.rows.takeNews(), this.words.news);
  }

  applyChange({ id, version, html, sorts }) {
    const row = this.rows.get(id);
    const sort = sorts?.[this.view];
    if (sort === undefined) {
      this.rows.leave(id);
      return;
    }
    if (row && Number(row.dataset.version) > version) return;
    const fresh = parseRow(html);
    fresh.dataset.sort = sort;
    if (row) patchRow(row, fresh);
    const current = row ?? fresh;
    current.classList.add("changed");
    this.marks.set(current, performance.now() + CHANGED_MS);
    this.rows.note(current);
  }

  /** Rows stay where they are while somebody points at one or has the focus in one. */
  get isHeld() {
    const table = this.rows?.table;
    return this.isPaused || table?.matches(":hover") || table?.contains(document.activeElement);
  }

  /** Somebody points at a still board, or has the focus or something open in it. */
  get isInUse() {
    const isOpen = this.querySelector("details[open], dialog[open]") !== null;
    const isPointedAt = this.matches(":hover") && performance.now() - (this.pointerAt ?? -Infinity) < POINTER_MS;
    return isOpen || isPointedAt || this.contains(document.activeElement);
  }

  /** Somebody has begun to write, or to choose something. */
  get isWritten() {
    if (this.querySelector("dialog[open]")) return true;
    const fields = [...this.querySelectorAll("input:not([type=hidden]), textarea")];
    return fields.some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);
  }

  settle(isAsked = false) {
    if (!this.rows || (this.isHeld && !isAsked)) {
      this.showHeld();
      return;
    }
    const focus = document.activeElement;
    this.rows.settle();
    // Before the focus returns, since a band that was empty is hidden.
    this.count();
    if (focus !== document.activeElement && this.contains(focus)) focus.focus({ preventScroll: true });
    this.showHeld();
  }

  showHeld() {
    const notice = document.getElementById("held");
    if (!notice) return;
    const count = this.rows?.waiting ?? 0;
    notice.hidden = count === 0;
    show(notice.querySelector("button"), this.say("held", count));
  }

  pause() {
    this.isPaused = !this.isPaused;
    this.actions.tell(this.say(this.isPaused ? "paused" : "resumed"), "calm");
    if (!this.isPaused) this.settle(true);
  }

  // The page, read again

  refresh() {
    const isDue = performance.now() - this.lastReload > STILL_IN_USE_MS;
    if (!this.isStill || (!this.isInUse && !document.hidden) || (isDue && !this.isWritten)) this.reload();
  }

  /** Read the page again, and take over what differs. */
  async reload(isAsked = false) {
    const wait = RELOAD_MS - (performance.now() - this.lastReload);
    if (wait > 0 && !isAsked) {
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
    const shown = this.rows?.ids ?? [];
    const page = await readPage(location.href);
    const board = page?.querySelector("upstairs-board");
    if (!board) return;
    for (const place of page.querySelectorAll("[data-counter]"))
      this.showCounters({ [place.dataset.counter]: place.querySelector(".count").textContent });
    if (this.rows) this.takeRows(await readList(page, shown));
    else this.takeContent(board.querySelector("[data-content]") ?? board);
    if (this.isStill) this.freshness.takeFrom(page);
  }

  takeRows({ rows, gone }) {
    for (const row of rows) {
      const { id, version, sort } = row.dataset;
      const shown = this.rows.get(id);
      const current = shown?.dataset;
      if (current?.version === version && current.sort === sort && current.primary === row.dataset.primary) {
        // Words may be erased, or a name changed, without a change of the escalation.
        patchRow(shown, row);
        continue;
      }
      this.change({ id, version: Infinity, html: row.outerHTML, sorts: { [this.view]: sort } });
    }
    for (const id of gone) this.change({ id });
  }

  takeContent(fresh) {
    this.isStale = document.querySelector("dialog[open]") !== null;
    if (this.isStale) return;
    this.freshContent = null;
    const { content } = this;
    const focus = this.contains(document.activeElement) ? selectorOf(document.activeElement) : null;
    const open = [...this.querySelectorAll("details")].map((details) => details.open);
    const outcome = content === this && document.getElementById("outcome");
    content.replaceChildren(...fresh.childNodes);
    if (outcome) document.getElementById("outcome")?.replaceWith(outcome);
    [...this.querySelectorAll("details")].forEach((details, n) => (details.open = open[n] ?? false));
    // What had the focus may be gone, such as the button of what was done.
    if (focus) (this.querySelector(focus) ?? document.getElementById("main")).focus({ preventScroll: true });
  }

  // Countdowns and counters

  /** Tick on what is in sight. */
  tick() {
    clearTimeout(this.scrolled);
    this.scrolled = null;
    for (const place of this.rows?.inSight() ?? [this])
      for (const time of place.querySelectorAll("time[data-until]")) this.tickOn(time);
    const at = performance.now();
    for (const [row, until] of this.marks) {
      if (at < until) continue;
      row.classList.remove("changed");
      this.marks.delete(row);
    }
    this.refreshStale();
    this.freshness.show();
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

  count() {
    this.rows.showSizes();
    const { needs_you, unanswered } = this.rows.counted;
    this.showCounters({ needs_you: needs_you.size, unanswered: unanswered.size });
  }

  showCounters(counters) {
    for (const [name, value] of Object.entries(counters)) {
      const place = document.querySelector(`[data-counter="${name}"]`);
      if (!place) continue;
      show(place.querySelector(".count"), value);
      if (["needs_you", "unanswered"].includes(name)) place.classList.toggle("warning", value > 0);
    }
  }
}

customElements.define("upstairs-board", Board);
