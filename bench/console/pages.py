"""How long the console takes to answer with its two most important pages."""

import time
from typing import Final

import httpx

from bench.console.escalations import add_notes, ensure_raised, raised_ids
from bench.console.leaders import leader, sign_in
from bench.summary import Figures, ranked
from bench.testbed import Testbed

_STEPS: Final = 50
_WARM_UP: Final = 5


async def figures(testbed: Testbed, *, reads: int, rows: int) -> Figures:
    """Read each page so often, one after the other; Now shows 200 of the rows."""
    await ensure_raised(testbed, rows)
    (escalation_id,) = await raised_ids(testbed, 1)
    await add_notes(testbed, escalation_id, _STEPS)
    (cookie,) = await sign_in(testbed, [leader(0)])
    headers = {"Cookie": cookie, "Accept-Encoding": "gzip"}
    url = testbed.console.url
    async with httpx.AsyncClient(
        base_url=url, headers=headers, trust_env=False, timeout=60
    ) as browser:
        before = testbed.cpu_seconds()["console"]
        now = await _read(browser, "/now", reads)
        between = testbed.cpu_seconds()["console"]
        escalation = await _read(browser, f"/e/{escalation_id}", reads)
        after = testbed.cpu_seconds()["console"]
    count = reads + _WARM_UP
    return {
        "console_page_p95_ms": max(ranked(now, 0.95), ranked(escalation, 0.95)),
        "console_page_now_p50_ms": ranked(now, 0.5),
        "console_page_now_p95_ms": ranked(now, 0.95),
        "console_page_now_cpu_ms": 1000 * (between - before) / count,
        "console_page_escalation_p50_ms": ranked(escalation, 0.5),
        "console_page_escalation_p95_ms": ranked(escalation, 0.95),
        "console_page_escalation_cpu_ms": 1000 * (after - between) / count,
    }


async def _read(browser: httpx.AsyncClient, path: str, reads: int) -> list[float]:
    """Return the milliseconds of each answer after some that warm up."""
    times: list[float] = []
    for _ in range(_WARM_UP + reads):
        begun = time.perf_counter()
        answer = await browser.get(path)
        answer.raise_for_status()
        times.append(1000 * (time.perf_counter() - begun))
    return times[_WARM_UP:]
