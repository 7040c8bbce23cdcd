// `g`, then the key of a screen, opens that screen from every page.
// It listens before the board does, which leaves alone what was handled here.

const MAX_PAUSE_MS = 1500;
let goAt = -Infinity;

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest("input, select, textarea, dialog, [contenteditable]")) return;
  const isGo = performance.now() - goAt < MAX_PAUSE_MS;
  goAt = !isGo && event.key === "g" ? performance.now() : -Infinity;
  if (!isGo) return;
  event.preventDefault();
  document.querySelector(`[data-go="${CSS.escape(event.key)}"]`)?.click();
});
