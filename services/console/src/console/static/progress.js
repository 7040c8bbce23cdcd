// Loads the page of a simulation again while it is under way. Without it a link does that.

const INTERVAL_MS = 1500;

async function refresh() {
  const progress = document.getElementById("progress");
  if (!progress.hasAttribute("data-under-way")) return;
  const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (response?.status === 401) location.reload();
  const html = response?.ok ? await response.text() : "";
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("progress");
  if (!fresh) return;
  const isFocused = progress.contains(document.activeElement);
  if (!fresh.hasAttribute("data-under-way")) location.reload();
  else if (!isFocused) progress.replaceWith(fresh);
  else update(progress, fresh);
}

/** Leave the buttons, one of which has the focus, and change the bar and its words. */
function update(progress, fresh) {
  for (const selector of ["progress", "label", "p"]) {
    const place = progress.querySelector(selector);
    const other = fresh.querySelector(selector);
    if (place && other) place.replaceWith(other);
  }
}

setInterval(refresh, INTERVAL_MS);
