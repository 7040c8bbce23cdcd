// Keeps what is written in the form of an action, a moment after the last key. Without this file a
// draft is kept only of a form that was sent in vain.

const PAUSE_MS = 800;
// Forms whose words were not kept yet, and their timers.
const timers = new Map();

function formOf(element) {
  const form = element.closest?.("form.form");
  return form && /^\/e\/[^/]+\/[^/]+$/.test(new URL(form.action).pathname) ? form : null;
}

function keep(form) {
  clearTimeout(timers.get(form));
  timers.delete(form);
  const body = new URLSearchParams(new FormData(form));
  fetch(`${form.action}/draft`, { method: "POST", body, keepalive: true }).catch(() => null);
}

document.addEventListener("input", ({ target }) => {
  const form = formOf(target);
  if (!form) return;
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => keep(form), PAUSE_MS));
});

// What is sent is no draft: the server keeps it if it was sent in vain.
document.addEventListener(
  "submit",
  ({ target }) => {
    clearTimeout(timers.get(target));
    timers.delete(target);
  },
  true,
);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) for (const form of [...timers.keys()]) keep(form);
});

// In a dialog, the form is emptied in its place.
document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest?.("dialog [data-discard]");
    if (!button) return;
    event.preventDefault();
    const { form } = button;
    for (const field of form.querySelectorAll("input:not([type=hidden]), select, textarea")) field.value = "";
    keep(form);
    button.closest("p").remove();
  },
  true,
);
