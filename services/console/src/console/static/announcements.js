// One sentence in ten seconds, for those who listen. What comes meanwhile is told with the next.

const PAUSE_MS = 10000;
// The board and the alarm may tell of the same escalation.
const SAME_MS = 60000;

const saidAt = new Map();
const unsaid = new Set();
let text = "";
let lastAt = -Infinity;
let timer = null;

/** Tell how many of these escalations need the reader; `words` has `{}` for the number. */
export function announce(ids, words) {
  text = words;
  const now = performance.now();
  for (const id of ids) if (now - (saidAt.get(id) ?? -Infinity) > SAME_MS) unsaid.add(id);
  if (unsaid.size === 0 || timer !== null) return;
  timer = setTimeout(say, Math.max(0, lastAt + PAUSE_MS - now));
}

function say() {
  timer = null;
  lastAt = performance.now();
  for (const id of unsaid) saidAt.set(id, lastAt);
  document.getElementById("announcements").textContent = text.replace("{}", unsaid.size);
  unsaid.clear();
}
