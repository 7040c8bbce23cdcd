// What a board asks the console for: its page again, the rows of other pages, and forms that are sent.

export function parseForm(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector("form.form");
}

export async function post(form) {
  const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) }).catch(() => null);
  if (!response) return {};
  if (response.headers.get("content-type")?.includes("json")) return response.json();
  const html = await response.text();
  if (response.status === 401) location.reload();
  return parseForm(html) ? { html } : {};
}

export async function readPage(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
  return response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
}

/**
 * Return the rows of the page, and of the rows `shown` those that the list no longer has.
 *
 * A row that came live may stand on another page of the list: those are read as long as one is
 * missing. If they can't be read, no row is gone.
 */
export async function readList(page, shown) {
  const rows = [...page.querySelectorAll("upstairs-board .row")];
  const missing = new Set(shown);
  for (const { dataset } of rows) missing.delete(dataset.id);
  const nextOf = (current) => current.querySelector("a[data-more]")?.getAttribute("href");
  const first = new URL(location.href);
  const isFirst = !first.searchParams.has("cursor");
  first.searchParams.delete("cursor");
  let next = isFirst ? nextOf(page) : first.href;
  while (missing.size > 0 && next) {
    const other = await readPage(next);
    if (!other?.querySelector("upstairs-board")) return { rows, gone: [] };
    for (const row of other.querySelectorAll("upstairs-board .row")) if (missing.delete(row.dataset.id)) rows.push(row);
    next = nextOf(other);
  }
  return { rows, gone: [...missing] };
}
