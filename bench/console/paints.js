// Notes when each version of a row was painted, and every long task.

window.paints = [];
window.longTasks = [];
const changed = [];
const painted = new MessageChannel();
// A task of its own runs after the frame in which the row has changed.
painted.port1.onmessage = () => {
  const at = Date.now() / 1000;
  for (const { id, version } of changed.splice(0)) window.paints.push([id, Number(version), at]);
};

function note(records) {
  for (const { type, target, addedNodes } of records) {
    const rows = type === "attributes" ? [target] : addedNodes;
    for (const row of rows) if (row.dataset?.version) changed.push({ ...row.dataset });
  }
  if (changed.length) painted.port2.postMessage(null);
}

document.addEventListener("DOMContentLoaded", () => {
  const options = { attributeFilter: ["data-version"], childList: true, subtree: true };
  const table = document.querySelector("table.board");
  if (table) new MutationObserver(note).observe(table, options);
});
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.longTasks.push(duration);
}).observe({ type: "longtask" });
