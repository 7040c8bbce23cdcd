"""Many open boards at one console: what they cost, and when they have each change."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.console.escalations import Change, change_rows, ensure_raised, raised_ids
from bench.console.leaders import leader, role_of, sign_in
from bench.resources import measure_cpu_percents
from bench.summary import Figures, ranked
from bench.testbed import Testbed
from bench.topics import LostEventError
from common.core.clock import TimeSource, monotonic

_ROW: Final = re.compile(rb'data: \{"id":"([0-9a-f-]{36})","version":(\d+)')
_LIMIT: Final = 2**20
# The console reads a first page of names and the stream begins.
_SETTLE_S: Final = 3
_ARRIVED_WITHIN_S: Final = 60
_POLL_S: Final = 0.1

_now = TimeSource().utc_now


@dataclass
class _Follower:
    """`arrivals` has the version of each row, and when it came; `reloads` when all was to be read.

    A browser that is told to read its page again finds every change there.
    """

    sees_all: bool
    arrivals: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    reloads: list[float] = field(default_factory=list)
    messages: int = 0

    async def read(self, stream: asyncio.StreamReader) -> None:
        while message := await stream.readuntil(b"\n\n"):
            self.messages += 1
            at = _now().timestamp()
            if b"event: reload" in message:
                self.reloads.append(at)
            elif (row := _ROW.search(message)) is not None:
                self.arrivals.setdefault(row[1].decode(), []).append((int(row[2]), at))

    def wait_for(self, change: Change) -> float | None:
        """Return how long the change took to come; None if it did not."""
        rows = self.arrivals.get(change.escalation_id, ())
        times = [at for version, at in rows if version >= change.version]
        first = min([*times, *(at for at in self.reloads if at > change.at)], default=None)
        return None if first is None else first - change.at


async def figures(
    testbed: Testbed, *, boards: int, rows: int, rate: float, seconds: float
) -> Figures:
    """Measure with one board for each leader, then with one, then with none, all still."""
    await ensure_raised(testbed, rows)
    ids = await raised_ids(testbed, rows)
    cookies = await sign_in(testbed, map(leader, range(boards)))
    async with _follow(testbed.console.port, cookies) as followers:
        await asyncio.sleep(_SETTLE_S)
        before, begun = testbed.cpu_seconds(), monotonic()
        messages_before = sum(follower.messages for follower in followers)
        reloads_before = sum(len(follower.reloads) for follower in followers)
        changes = await change_rows(testbed, ids, rate=rate, seconds=seconds)
        after, took = testbed.cpu_seconds(), monotonic() - begun
        reloads = sum(len(follower.reloads) for follower in followers) - reloads_before
        messages = sum(follower.messages for follower in followers) - messages_before
        await _wait_for_all(followers, changes)
        waits = [
            wait for each in followers for change in changes if (wait := each.wait_for(change))
        ]
    return {
        "console_followers": boards,
        "console_followers_cpu_percent": 100 * (after["console"] - before["console"]) / took,
        "console_followers_escalation_cpu_percent": 100
        * (after["escalation"] - before["escalation"])
        / took,
        "console_followers_p50_ms": 1000 * ranked(waits, 0.5),
        "console_followers_p95_ms": 1000 * ranked(waits, 0.95),
        "console_followers_messages_per_s": messages / took,
        # More than none: the console could not read rows in time.
        "console_followers_reloads": reloads,
    }


async def idle_figures(testbed: Testbed, *, seconds: float) -> Figures:
    """Measure the console while nothing changes: with one open board, and with none."""
    # The followers of boards before stay a moment.
    await asyncio.sleep(3 * _SETTLE_S)
    cookies = await sign_in(testbed, [leader(0)])
    async with _follow(testbed.console.port, cookies):
        await asyncio.sleep(_SETTLE_S)
        one_board = await measure_cpu_percents(testbed, seconds)
    # Its follower stays a moment.
    await asyncio.sleep(2 * _SETTLE_S)
    no_board = await measure_cpu_percents(testbed, seconds)
    return {
        "idle_cpu_percent_console_one_board": one_board["console"],
        "idle_cpu_percent_console_no_board": no_board["console"],
        "rss_mb_console_after_boards": testbed.rss_mb()["console"],
    }


@asynccontextmanager
async def _follow(port: int, cookies: Sequence[str]) -> AsyncIterator[list[_Follower]]:
    followers: list[_Follower] = []
    readers: list[asyncio.Future[None]] = []
    writers: list[asyncio.StreamWriter] = []
    for number, cookie in enumerate(cookies):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_LIMIT)
        writer.write(_request(port, cookie))
        follower = _Follower(sees_all=role_of(number) == "manager")
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.partition(b"\r\n")[0], head
        readers.append(asyncio.ensure_future(follower.read(reader)))
        writers.append(writer)
        followers.append(follower)
    try:
        yield followers
    finally:
        for task in readers:
            task.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for writer in writers:
            writer.close()


def _request(port: int, cookie: str) -> bytes:
    return (
        f"GET /live?view= HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
        "Sec-Fetch-Site: same-origin\r\n\r\n"
    ).encode()


async def _wait_for_all(followers: Sequence[_Follower], changes: Sequence[Change]) -> None:
    """Wait until every manager has every change."""
    managers = [follower for follower in followers if follower.sees_all]
    deadline = monotonic() + _ARRIVED_WITHIN_S
    while missing := sum(
        follower.wait_for(change) is None for follower in managers for change in changes
    ):
        if monotonic() > deadline:
            message = f"{missing} changes did not reach a board"
            raise LostEventError(message)
        await asyncio.sleep(_POLL_S)
