"""Now in a browser on a slow machine, with many rows that change."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, CDPSession, Page

from bench.console.escalations import Change, change_rows, raise_escalations
from bench.console.leaders import leader, sign_in
from bench.summary import Figures, ranked
from bench.testbed import Testbed
from bench.topics import LostEventError
from common.core.clock import monotonic
from support.browsers import MISSING, find_browser, open_browser

_SCRIPT: Final = Path(__file__).parent / "paints.js"
# So much slower than this machine is the one of the person.
_SLOWER: Final = 4
_LONG_TASK_MS: Final = 100
_SHOWN_WITHIN_S: Final = 120
_POLL_S: Final = 0.25
# The page loads the rows again a moment after its stream has begun.
_SETTLE_S: Final = 5
_ROWS: Final = "[...document.querySelectorAll('.row')].map((row) => row.dataset.id)"


async def figures(testbed: Testbed, *, rows: int, rate: float, seconds: float) -> Figures:
    """Return nothing where there is no browser."""
    path = find_browser()
    if path is None:
        print(f"console_board is skipped: {MISSING}", flush=True)
        return {}
    (cookie,) = await sign_in(testbed, [leader(0)])
    async with open_browser(path) as browser, _open_board(browser, testbed, cookie) as board:
        bytes_of_files = board.received
        ids = await board.wait_for_rows(testbed, rows)
        await asyncio.sleep(_SETTLE_S)
        await board.slow_down()
        heap_before = await board.heap_mb()
        await board.page.evaluate("paints.length = longTasks.length = 0")
        changes = await change_rows(testbed, ids, rate=rate, seconds=seconds)
        waits = await board.wait_until_painted(changes)
        long_tasks = await board.page.evaluate("longTasks")
        return {
            "console_rows": len(ids),
            "console_changes": len(changes),
            "console_event_to_painted_p50_ms": 1000 * ranked(waits, 0.5),
            "console_event_to_painted_p95_ms": 1000 * ranked(waits, 0.95),
            "console_long_tasks_over_100_ms": sum(task > _LONG_TASK_MS for task in long_tasks),
            "console_longest_task_ms": max(long_tasks, default=0),
            "console_heap_growth_mb": await board.heap_mb() - heap_before,
            "console_first_page_kb": sum(bytes_of_files.values()) / 1000,
        }


@dataclass
class _OpenBoard:
    """`received` has the bytes of each request that has ended, as they were sent."""

    page: Page
    browser: CDPSession
    received: dict[str, float]

    async def wait_for_rows(self, testbed: Testbed, rows: int) -> list[str]:
        """Raise as many escalations as are missing; return the ids of all rows."""
        missing = rows - len(await self.page.evaluate(_ROWS))
        if missing > 0:
            await raise_escalations(testbed, missing)
        deadline = monotonic() + _SHOWN_WITHIN_S
        while len(ids := await self.page.evaluate(_ROWS)) < rows:
            if monotonic() > deadline:
                message = f"the board shows {len(ids)} rows of {rows}"
                raise LostEventError(message)
            await asyncio.sleep(_POLL_S)
        shown: list[str] = ids
        return shown

    async def slow_down(self) -> None:
        await self.browser.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})

    async def heap_mb(self) -> float:
        await self.browser.send("HeapProfiler.collectGarbage")
        usage = await self.browser.send("Runtime.getHeapUsage")
        return float(usage["usedSize"]) / 2**20

    async def wait_until_painted(self, changes: Sequence[Change]) -> list[float]:
        """Return how long each change took; a later version of its row counts as well."""
        deadline = monotonic() + _SHOWN_WITHIN_S
        while True:
            paints = await self.page.evaluate("paints")
            waits = [_first_paint(change, paints) for change in changes]
            painted = [wait for wait in waits if wait is not None]
            if len(painted) == len(changes):
                return painted
            if monotonic() > deadline:
                message = f"{len(painted)} of {len(changes)} changes were painted"
                raise LostEventError(message)
            await asyncio.sleep(_POLL_S)


def _first_paint(change: Change, paints: Sequence[Any]) -> float | None:
    times = (
        at
        for id_, version, at in paints
        if id_ == change.escalation_id and version >= change.version
    )
    first = min(times, default=None)
    return None if first is None else first - change.at


@asynccontextmanager
async def _open_board(browser: Browser, testbed: Testbed, cookie: str) -> AsyncIterator[_OpenBoard]:
    url = testbed.console.url
    context = await browser.new_context(base_url=url, locale="en")
    name, _, value = cookie.partition("=")
    await context.add_cookies([{"name": name, "value": value, "url": url}])
    await context.add_init_script(path=_SCRIPT)
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    received: dict[str, float] = {}

    def note(event: dict[str, Any]) -> None:
        received[event["requestId"]] = event["encodedDataLength"]

    session.on("Network.loadingFinished", note)
    await session.send("Network.enable")
    await session.send("HeapProfiler.enable")
    await page.goto("/now")
    try:
        yield _OpenBoard(page, session, dict(received))
    finally:
        await context.close()
