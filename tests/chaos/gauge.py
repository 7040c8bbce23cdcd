"""Whether what is offered gets through, by the clock of whoever offers it."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaConsumer

from chaos.load import Load
from common.contracts.assignments import AssignmentCompleted, ContactAssigned, ContactOffered
from common.messaging.envelope import type_of
from common.messaging.kafka import topic_name

# What comes is to be placed within this, but for one in twenty; more where the machine is slow.
IN_TIME_S = 0.5
SAMPLE = 60
TIMES_USUAL = 2
SHARE = 0.95
SPAN_S = 1.0
LOOK_EVERY_S = 0.1
# Some are resolved before it is their turn.
PLACED = {ContactAssigned.type, ContactOffered.type, AssignmentCompleted.type}


@dataclass
class Gauge:
    """At each look, throughput is as offered when no more is late than one in twenty of a second's.

    `behind_at` is when that was last not so. Late is what was offered more than `in_time_s` ago
    and is not placed yet, however long ago that was: a backlog counts until it is drained.
    """

    load: Load
    in_time_s: float = IN_TIME_S
    behind_at: float = 0
    late: int = 0
    _took: list[float] = field(default_factory=list)
    _placed: set[str] = field(default_factory=set)
    _due: deque[str] = field(default_factory=deque)
    _seen: int = 0

    def look(self, now: float) -> None:
        offered = list(self.load.offered.items())[self._seen :]
        self._due.extend(key for key, _ in offered)
        self._seen += len(offered)
        placed = [key for key in self._due if self._is_placed(key)]
        self._took += [now - self.load.offered[key] for key in placed]
        self._due = deque(key for key in self._due if not self._is_placed(key))
        self.late = sum(self.load.offered[key] < now - self.in_time_s for key in self._due)
        if self.late > max(1, (1 - SHARE) * SPAN_S * self.load.per_second):
            self.behind_at = now

    def waits_longest(self) -> str:
        """Name a few, for whoever looks into why there is no recovery."""
        named = (f"{key} {self.load.accepted.get(key, 'not accepted')}" for key in self._due)
        return f"{self.late} are late: {', '.join(islice(named, 5))}"

    def _is_placed(self, key: str) -> bool:
        return self.load.accepted.get(key, "") in self._placed

    def take(self, contact_id: str) -> None:
        self._placed.add(contact_id)

    async def learn(self, within_s: float) -> bool:
        """See how long it takes when all is well; return whether that is any time at all."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + within_s
        # The first ones wait for services that are not warm yet.
        while len(self._took) < 2 * SAMPLE:
            if clock() > deadline:
                return False
            await asyncio.sleep(LOOK_EVERY_S)
        usual = sorted(self._took[-SAMPLE:])[int(SAMPLE * SHARE)]
        self.in_time_s = max(IN_TIME_S, TIMES_USUAL * usual)
        return self.in_time_s < within_s

    async def calm(self, since: float, quiet_s: float, within_s: float) -> float | None:
        """Wait until nothing was late for `quiet_s`; return when that began, never before `since`.

        Returns nothing when it does not come `within_s`.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + within_s
        while clock() < deadline:
            begun = max(since, self.behind_at)
            if clock() - begun >= quiet_s:
                return begun
            await asyncio.sleep(LOOK_EVERY_S)
        return None


@asynccontextmanager
async def gauging(load: Load, bootstrap: str, namespace: str) -> AsyncIterator[Gauge]:
    """Read what the router says, past all gates, and look at it all the time."""
    gauge = Gauge(load)
    # That the broker comes and goes is no news here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    kafka: Any = AIOKafkaConsumer(
        topic_name(namespace, "assignments"),
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    await kafka.start()
    tasks = [asyncio.ensure_future(_read(kafka, gauge)), asyncio.ensure_future(_look(gauge))]
    try:
        yield gauge
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await kafka.stop()


async def _read(kafka: Any, gauge: Gauge) -> None:
    async for record in kafka:
        if type_of(record.headers) in PLACED and record.key is not None:
            gauge.take(record.key.decode(errors="replace"))


async def _look(gauge: Gauge) -> None:
    while True:
        gauge.look(asyncio.get_running_loop().time())
        await asyncio.sleep(LOOK_EVERY_S)
