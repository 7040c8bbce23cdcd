// Single keys: they act on the row that has the focus, and never in a field.

const STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

export class Keys {
  constructor(board) {
    this.board = board;
    document.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    const { board } = this;
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, dialog, [contenteditable]")) return;
    const row = event.target.closest(".row");
    const step = STEPS[event.key];
    if (event.key === "/") openFilters();
    else if (event.key === ".") board.settle(true);
    else if (event.key === "p" && board.rows) board.pause();
    else if (event.key === "?") document.getElementById("keys")?.showModal();
    else if (step && this.hasRows) this.step(row, step);
    else if (!this.act(row ?? board, event.key)) return;
    event.preventDefault();
  }

  get hasRows() {
    return this.board.querySelector(".row") !== null;
  }

  step(row, by) {
    const rows = [...this.board.querySelectorAll(".row")];
    const next = rows[row ? rows.indexOf(row) + by : 0];
    next?.querySelector(".headline").focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  act(place, key) {
    if (place === this.board && this.hasRows) return false;
    const button = place.querySelector(`[data-key="${CSS.escape(key)}"]`);
    button?.click();
    return button !== null;
  }
}

function openFilters() {
  const box = document.querySelector(".filter-box");
  if (!box) return;
  box.open = true;
  box.querySelector("select").focus();
}
