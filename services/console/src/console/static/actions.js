// Actions on a board: forms that are sent in place, dialogs, and what became of an action.

import { parseForm, post } from "./requests.js";

const NOTICE_MS = 8000;

export class Actions {
  constructor(board) {
    this.board = board;
    board.addEventListener("submit", (event) => this.send(event));
    board.addEventListener("click", (event) => this.openDialog(event));
  }

  async send(event) {
    const { board } = this;
    // Other forms lead to a page.
    const form = event.target.closest("form[method=post]:is([data-action], .form):not([data-plain])");
    if (!form) return;
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button");
    const label = button.textContent;
    button.disabled = true;
    button.textContent = board.say("sent");
    const answer = await post(form);
    if (answer.html) {
      form.replaceWith(parseForm(answer.html));
      board.querySelector("dialog [aria-invalid], dialog [role=alert]")?.focus();
      return;
    }
    button.disabled = false;
    button.textContent = label;
    if (!answer.text) {
      this.tell(board.say("failed"), "over");
      return;
    }
    const { rows, sort } = board;
    const ended = answer.row && !answer.row.keys[sort] && rows?.get(answer.row.id);
    if (ended) ended.classList.add("gone");
    form.closest("dialog")?.close();
    if (ended) this.goOn(ended);
    if (!rows || !answer.row) await board.reload(true);
    this.tell(answer.text, answer.is_done ? "calm" : "over");
    if (rows && answer.row) board.change({ ...answer.row, sorts: { [board.view]: answer.row.keys[sort] } });
  }

  tell(text, tone) {
    const notice = document.getElementById("outcome");
    notice.className = `notice ${tone}`;
    notice.querySelector("p").textContent = text;
    notice.hidden = false;
    clearTimeout(this.timer);
    if (tone === "calm") this.timer = setTimeout(() => (notice.hidden = true), NOTICE_MS);
  }

  /** Go on with another row: a row that has ended would keep new rows from their places. */
  goOn(row) {
    const rows = [...this.board.querySelectorAll(".row")];
    const place = rows.indexOf(row);
    const other = (rows[place + 1] ?? rows[place - 1])?.querySelector(".headline");
    (other ?? document.getElementById("main")).focus();
  }

  async openDialog(event) {
    const { board } = this;
    if (event.target.closest("[data-close]") && event.target.closest("dialog")) {
      event.preventDefault();
      event.target.closest("dialog").close();
      return;
    }
    if (event.target.closest("[data-apply]")) board.settle(true);
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
    board.append(dialog);
    dialog.showModal();
    (form.querySelector("select, textarea, input:not([type=hidden])") ?? form.querySelector("button")).focus();
  }
}
