"""Rows of a board in a browser: in order after any changes, and nothing touched that stays."""

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.xdist_group("browser")

# Changes many rows at a time, at random but always alike; returns what was wrong.
CHANGES = """
async ({ rounds, changed }) => {
  const { RowOrder } = await import("/static/row_order.js");
  const BANDS = ["needs_you", "unanswered", "others"];
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  const table = document.createElement("table");
  for (const band of BANDS) {
    const body = table.createTBody();
    body.dataset.band = band;
    body.innerHTML = '<tr class="band"><th><span class="count">0</span></th></tr>';
  }
  document.body.append(table);
  const rows = new RowOrder(table);
  const rowOf = (id) => {
    const row = rows.get(id) ?? document.createElement("tr");
    Object.assign(row.dataset, { id, band: BANDS[random(3)], sort: String(1000 + random(500)) });
    row.className = "row";
    return row;
  };
  for (let n = 0; n < 300; n++) rows.note(rowOf(`r${n}`));
  rows.settle();
  const problems = [];
  for (let round = 0; round < rounds; round++) {
    const ids = new Set(Array.from({ length: changed }, () => `r${random(320)}`));
    for (const id of ids) random(8) ? rows.note(rowOf(id)) : rows.leave(id);
    const observer = new MutationObserver(() => {});
    observer.observe(table, { childList: true, subtree: true });
    rows.settle();
    rows.showSizes();
    for (const { addedNodes } of observer.takeRecords())
      for (const row of addedNodes)
        if (row.dataset?.id && !ids.has(row.dataset.id)) problems.push(`touched ${row.dataset.id}`);
    observer.disconnect();
    let shown = 0;
    for (const body of table.tBodies) {
      const list = [...body.rows].slice(1);
      shown += list.length;
      const { band } = body.dataset;
      if (list.some(({ dataset }) => dataset.band !== band)) problems.push("wrong band");
      for (let n = 1; n < list.length; n++)
        if (list[n - 1].dataset.sort > list[n].dataset.sort) problems.push("wrong order");
      if (Number(body.querySelector(".count").textContent) !== list.length) problems.push("count");
    }
    const needed = table.tBodies[0].rows.length - 1;
    if (shown !== rows.ids.length) problems.push(`${shown} of ${rows.ids.length} rows are shown`);
    if (rows.counted.needs_you.size !== needed) problems.push("counter");
    if (rows.waiting) problems.push("some wait");
  }
  table.remove();
  return problems;
}
"""


@pytest.mark.parametrize("changed", [2, 40])
async def test_rows_are_in_order_and_only_those_that_changed_are_moved(
    sara: Page, changed: int
) -> None:
    problems = await sara.evaluate(CHANGES, {"rounds": 60, "changed": changed})
    assert problems == []
