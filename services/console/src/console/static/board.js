// The live parts of a page: countdowns, rows that change in place, freshness, dialogs and keys.
// Without this file every page works by loading it again.

import { announce } from "./announcements.js";
import { connect } from "./live.js";
import { emptyOf, haveSameRows, isInPlace, parseForm, parseRow, patchContent, patchRow, place, post, readList, readPage, rowsInSight, selectorOf, show, timeLeft } from "./rows.js";

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
    this.isStill = this.hasAttribute("data-still");
    this.isWall = this.dataset.view === "screen=wall";
    // A still board has more than rows of escalations: it is put in place as a whole.
    this.table = this.isStill ? null : this.querySelector("table.board");
    this.isPaused = false;
    this.changes = new Map();
    this.moves = new Map();
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
    this.addEventListener("submit", (event) => this.send(event));
    this.addEventListener("click", (event) => this.openDialog(event));
    if (this.isStill) setInterval(() => this.refresh(), STILL_MS);
    if (!this.isStill || this.dataset.screen || this.dataset.view) connect(this.view, (message) => this.receive(message));
    if (this.dataset.keys !== "off") document.addEventListener("keydown", (event) => this.press(event));
  }

  /** What this page shows: an escalation, a screen, or the filters in its address. */
  get view() {
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
    if (type === "beat") this.noteBeat(data);
    else if (type === "reload") this.reload();
    else if (type === "erased") this.reload();
    else if (type === "screen") this.takePieces(data);
    else if (type === "stale") this.noteStale(data);
    else if (type === "counters") this.showCounters(data);
    else if (type === "session-over") location.reload();
    else if (this.table) this.change(data);
    else if (this.isWall ? data.id : data.id === this.dataset.escalation) this.reload();
  }

  noteBeat({ live, ages }) {
    const age = ages[this.dataset.screen];
    // Until the console has read the screen itself, the page is what it was when it was loaded.
    if (this.dataset.screen && age === undefined && !this.beat) return;
    const at = performance.now() - (age ?? 0) * 1000;
    this.beat = { at, isLive: this.dataset.screen ? age !== undefined : live };
    this.showFreshness();
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
    const before = this.bands().needs_you;
    for (const data of this.changes.values()) this.applyChange(data);
    this.changes.clear();
    if (this.isHeld) this.count();
    this.settle();
    announce([...this.bands().needs_you].filter((id) => !before.has(id)), this.words.news);
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
    show(notice.querySelector("button"), this.say("held", count));
  }

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
    const shown = this.shownRows();
    const page = await readPage(location.href);
    const board = page?.querySelector("upstairs-board");
    if (!board) return;
    for (const place of page.querySelectorAll("[data-counter]"))
      this.showCounters({ [place.dataset.counter]: place.querySelector(".count").textContent });
    if (this.table) this.takeRows(await readList(page, shown));
    else this.takeContent(board.querySelector("[data-content]") ?? board);
    const freshness = page.getElementById("freshness");
    if (this.isStill && !this.beat && freshness) document.getElementById("freshness").textContent = freshness.textContent;
  }

  /** The ids of all rows, also of those that wait for their places. */
  shownRows() {
    return [...(this.table?.querySelectorAll(".row") ?? []), ...this.moves.values()].map(({ dataset }) => dataset.id);
  }

  takeRows({ rows, gone }) {
    for (const row of rows) {
      const { id, version, sort } = row.dataset;
      const current = document.getElementById(row.id)?.dataset;
      if (current?.version === version && current.sort === sort && current.primary === row.dataset.primary) {
        // Words may be erased, or a name changed, without a change of the escalation.
        patchRow(document.getElementById(row.id), row);
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
    this.refreshStale();
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
    const tone = age > 15 ? "over" : age > (this.dataset.screen ? 10 : 5) || !this.beat.isLive ? "soon" : "calm";
    if (tone === "over" && place.dataset.tone !== "over")
      this.lostAt = new Date(Date.now() - age * 1000).toLocaleTimeString([], { timeStyle: "short" });
    if (place.dataset.tone !== tone) place.dataset.tone = tone;
    document.body.classList.toggle("offline", tone === "over");
    const text = { calm: "live", soon: "old", over: "lost" }[tone];
    show(place, this.say(text, tone === "over" ? this.lostAt : age.toFixed(tone === "calm" ? 1 : 0)));
  }

  /** The rows of the bands that are counted above, also those that wait for their place. */
  bands() {
    const bands = { needs_you: new Set(), unanswered: new Set() };
    for (const row of [...(this.table?.rows ?? []), ...this.moves.values()])
      if (!row.classList.contains("gone")) bands[row.dataset.band]?.add(row.dataset.id);
    return bands;
  }

  count() {
    for (const body of this.table.tBodies) {
      const empty = emptyOf(body);
      const rows = body.rows.length - (empty ? 2 : 1);
      show(body.rows[0].querySelector(".count"), rows);
      body.hidden = rows === 0 && !empty;
      if (empty) empty.hidden = rows > 0;
    }
    const { needs_you, unanswered } = this.bands();
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

  // Actions

  async send(event) {
    // Other forms lead to a page.
    const form = event.target.closest("form[method=post]:is([data-action], .form):not([data-plain])");
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
    const sort = new URLSearchParams(this.view).get("sort") ?? "time_left";
    const ended = this.table && answer.row && !answer.row.keys[sort] && document.getElementById(`row-${answer.row.id}`);
    if (ended) ended.classList.add("gone");
    form.closest("dialog")?.close();
    if (ended) this.leave(ended);
    if (!this.table || !answer.row) await this.reload(true);
    this.tell(answer.text, answer.is_done ? "calm" : "over");
    if (this.table && answer.row) this.change({ ...answer.row, sorts: { [this.view]: answer.row.keys[sort] } });
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
      if (link.isConnected && !link.closest(".gone")) link.focus();
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

  /** Go on with another row: a row that has ended would keep new rows from their places. */
  leave(row) {
    const rows = [...this.querySelectorAll(".row")];
    const place = rows.indexOf(row);
    const other = (rows[place + 1] ?? rows[place - 1])?.querySelector(".headline");
    (other ?? document.getElementById("main")).focus();
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

customElements.define("upstairs-board", Board);
