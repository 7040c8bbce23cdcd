// Choosing rows of the list Now, to acknowledge them at once. A choice is kept here, since rows are
// written again while one chooses. Without this file the form shows its results on a page.

import { show as showText } from "./rows.js";

const form = document.getElementById("bulk");
const board = document.querySelector("upstairs-board");
const place = document.getElementById("bulk-results");
const limit = Number(form?.dataset.limit);
// Their ids, each with whether it was refused: such a row leaves the choice when its box goes.
const chosen = new Map();
let isSending = false;

const boxOf = (row) => row?.querySelector("input[name=escalation]");
const boxes = () => [...board.querySelectorAll("input[name=escalation]")];

/** Rows are written without their ticks; to look for fifty boxes is quicker than to go over all. */
function tickChosen() {
  for (const [id, isRefused] of chosen) {
    const box = document.getElementById(`choose-${id}`);
    if (box) box.checked = true;
    else if (isRefused) chosen.delete(id);
  }
}

function show() {
  tickChosen();
  form.hidden = chosen.size === 0;
  showText(document.getElementById("bulk-count"), form.dataset.count.replace("{}", chosen.size));
  form.querySelector("button.primary").disabled = isSending || chosen.size > limit;
  document.getElementById("bulk-limit").hidden = chosen.size <= limit;
}

function leave(id) {
  const box = document.getElementById(`choose-${id}`);
  if (box) box.checked = false;
  chosen.delete(id);
}

function choose(box, isChosen) {
  if (isChosen) chosen.set(box.value, false);
  else leave(box.value);
  show();
}

async function send(event) {
  event.preventDefault();
  isSending = true;
  show();
  // Also rows that somebody else has taken meanwhile: the answer says who was faster.
  const body = new URLSearchParams(new FormData(form));
  body.delete("escalation");
  for (const id of chosen.keys()) body.append("escalation", id);
  const response = await fetch(form.action, { method: "POST", body }).catch(() => null);
  isSending = false;
  if (response?.status === 401) location.reload();
  const html = response ? await response.text() : "";
  const results = new DOMParser().parseFromString(html, "text/html").getElementById("results");
  if (results) {
    place.replaceChildren(...results.childNodes);
    // Each sending has a name of its own: what failed may be sent again.
    form.elements.submission.value = crypto.randomUUID();
    for (const { dataset } of place.querySelectorAll("[data-id]"))
      if ("done" in dataset) leave(dataset.id);
      else if (chosen.has(dataset.id)) chosen.set(dataset.id, true);
    place.focus();
  } else place.textContent = JSON.parse(board.dataset.words).failed;
  show();
}

function press(event) {
  if (event.key !== "x" || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea, dialog, [contenteditable]")) return;
  const box = boxOf(event.target.closest(".row"));
  if (!box) return;
  event.preventDefault();
  choose(box, !chosen.has(box.value));
}

if (form && board) {
  board.addEventListener("change", ({ target }) => target.name === "escalation" && choose(target, target.checked));
  if (board.dataset.keys !== "off") document.addEventListener("keydown", press);
  form.addEventListener("submit", send);
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const id of chosen.keys()) leave(id);
    show();
  });
  new MutationObserver(show).observe(board.querySelector("table"), { childList: true, subtree: true });
  // A browser that goes back has the boxes as they were.
  for (const box of boxes()) if (box.checked) chosen.set(box.value, false);
  show();
}
