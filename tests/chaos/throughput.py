"""Measures whether offered contacts are placed in time."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaConsumer

from chaos.load import Load
from common.contracts.assignments import AssignmentCompleted, ContactAssigned, ContactOffered
from common.messaging.envelope import type_of
from common.messaging.kafka import topic_name
from stage.invariants.reader import Sources
from support.waiting import comes_true

# A contact is late after this, or on a slow machine after a multiple of the usual time.
MIN_IN_TIME_S = 0.5
TIMES_USUAL = 2
# One contact in twenty may be late.
PUNCTUAL_SHARE = 0.95
# The number of late contacts is compared with the offers of this time.
SPAN_S = 1.0
SAMPLE_SIZE = 40
POLL_S = 0.1
# Some contacts are resolved before a representative gets them.
PLACED = {ContactAssigned.type, ContactOffered.type, AssignmentCompleted.type}


class Progress(Enum):
    RECOVERED = auto()
    # Contacts are placed, but later than usual.
    SLOW = auto()
    # Nothing is placed any more.
    STALLED = auto()


@dataclass
class Throughput:
    """Throughput is as offered if at most one in twenty of a second's offers is late.

    A contact is late if it was offered more than `in_time_s` ago and is not placed yet: a backlog
    counts until it is drained. `behind_at` is the last time at which too many were late,
    `placed_at` the last time at which a contact was placed.
    """

    load: Load
    in_time_s: float = MIN_IN_TIME_S
    behind_at: float = 0
    placed_at: float = 0
    placed: int = 0
    late: int = 0
    _latencies: list[float] = field(default_factory=list)
    _placed_ids: set[str] = field(default_factory=set)

    def observe(self, now: float) -> None:
        waiting = self.load.waiting
        for key in [key for key in waiting if self._is_placed(key)]:
            self._latencies.append(now - waiting.pop(key))
            self.placed += 1
            self.placed_at = now
        self.late = sum(offered_at < now - self.in_time_s for offered_at in waiting.values())
        if self.late > max(1, (1 - PUNCTUAL_SHARE) * SPAN_S * self.load.per_second):
            self.behind_at = now

    def note_placed(self, contact_id: str) -> None:
        self._placed_ids.add(contact_id)

    def longest_waiting(self) -> str:
        """Name a few late contacts, to look for in the logs."""
        keys = islice(self.load.waiting, 5)
        named = (f"{key} {self.load.accepted.get(key, 'not accepted')}" for key in keys)
        return f"{self.late} are late: {', '.join(named)}"

    async def learn_usual_latency(self, within_s: float) -> None:
        """Set `in_time_s` from the usual latency without a fault."""
        self._latencies.clear()
        await comes_true(lambda: len(self._latencies) >= SAMPLE_SIZE, within=within_s)
        ranked = sorted(self._latencies)
        usual = ranked[int(len(ranked) * PUNCTUAL_SHARE)] if ranked else 0
        self.in_time_s = max(MIN_IN_TIME_S, TIMES_USUAL * usual)

    async def wait_for_recovery(
        self, since: float, *, steady_s: float, patience_s: float, stalled_after_s: float
    ) -> tuple[Progress, float]:
        """Wait until throughput was as offered for `steady_s`, and return when that began.

        That is never before `since`. After `patience_s` it is SLOW as soon as a contact has been
        placed, and STALLED if none has been placed for another `stalled_after_s`.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience_s
        while True:
            now = clock()
            begun = max(since, self.behind_at)
            if now - begun >= steady_s:
                return Progress.RECOVERED, begun
            if now > deadline and self.placed_at > deadline - patience_s:
                return Progress.SLOW, now
            if now > deadline + stalled_after_s:
                return Progress.STALLED, now
            await asyncio.sleep(POLL_S)

    def _is_placed(self, key: str) -> bool:
        return self.load.accepted.get(key, "") in self._placed_ids


@asynccontextmanager
async def measured_throughput(load: Load, sources: Sources) -> AsyncIterator[Throughput]:
    """Read what the router publishes, without a proxy, while the block runs."""
    throughput = Throughput(load)
    # Broker outages are expected here.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    kafka: Any = AIOKafkaConsumer(
        topic_name(sources.namespace, "assignments"),
        **sources.kafka.options,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    await kafka.start()
    tasks = [
        asyncio.ensure_future(_read(kafka, throughput)),
        asyncio.ensure_future(_observe(throughput)),
    ]
    try:
        yield throughput
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await kafka.stop()


async def _read(kafka: Any, throughput: Throughput) -> None:
    async for record in kafka:
        if type_of(record.headers) in PLACED and record.key is not None:
            throughput.note_placed(record.key.decode(errors="replace"))


async def _observe(throughput: Throughput) -> None:
    while True:
        throughput.observe(asyncio.get_running_loop().time())
        await asyncio.sleep(POLL_S)
