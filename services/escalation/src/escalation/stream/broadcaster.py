"""Events as they happen, for the screens that are open: this service's topic, read once a process.

The topic, not the journal: its order is the same for every replica, and nothing is ever put in
before what was read. See docs/adr/0015.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from common.core.backoff import Backoff, pause
from common.core.clock import monotonic
from common.core.errors import TransientError, is_transient
from common.messaging.kafka import make_range_reader, make_topic_reader
from escalation.stream.offsets import OffsetGoneError, Offsets, check, lengthened, missed
from escalation.stream.records import News, Newsreader
from escalation.stream.subscriber import Following

_POLL_MS = 200
_BATCH = 500
# What comes within it shares a fetch, as at every consumer of ours.
_BREATH = 0.01
# Nobody has asked for so long: the topic is not read until somebody does.
_IDLE_S = 60.0
_READY_WITHIN_S = 5.0
# Whoever missed more has seen another day, and loads the list anew.
_MOST_MISSED = 100_000
_CATCHING_UP = 8
_CATCH_UP_WITHIN_S = 30.0

log = structlog.get_logger()


class StreamUnavailableError(TransientError):
    """The stream has no connection to Kafka yet."""


class Hub:
    """The one reader of the topic, and all who follow it."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._followers: set[Following] = set()
        self._wanted = asyncio.Event()
        self._ready = asyncio.Event()
        self._asked_at = 0.0
        # The next offset of each partition; kept while the broker is away.
        self._offsets: Offsets | None = None
        self._failing = False
        self._newsreader = Newsreader()
        self._tasks: asyncio.TaskGroup | None = None
        self._turns = asyncio.Semaphore(_CATCHING_UP)

    @property
    def followers(self) -> int:
        return len(self._followers)

    async def run(self, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._end(stopping))
            backoff = Backoff()
            while not stopping.is_set():
                await self._wanted.wait()
                if stopping.is_set():
                    return
                try:
                    await self._read(stopping, backoff)
                except Exception as error:
                    self._failing = True
                    # Screens without news are no reason to end what tells people.
                    if is_transient(error):
                        log.warning("stream_waits", error=repr(error))
                    else:
                        log.exception("stream_failed")
                    await backoff.wait(stopping)

    async def position(self, within: float = 1.0) -> Offsets | None:
        """Return where the fan-out is: what comes before it is committed; nil if not yet known."""
        self._asked_at = monotonic()
        self._wanted.set()
        if self._offsets is None and self._tasks is not None and not self._failing:
            await pause(within, self._ready)
        return self._offsets

    async def follow(self, asked: Offsets | None, wants: Callable[[News], bool]) -> Following:
        """Begin after `asked`, or now; whoever follows must `leave`.

        Raises Gone if what came after it is no longer kept.
        """
        await self.position(_READY_WITHIN_S)
        # No wait from here on: nothing may come between where it joins and its joining.
        begins = self._offsets
        if self._tasks is None or begins is None:
            raise StreamUnavailableError
        after = begins if asked is None else lengthened(asked, begins)
        if sum(missed(after, begins).values()) > _MOST_MISSED:
            raise OffsetGoneError(f"More than {_MOST_MISSED} events were missed.")
        following = Following(begins, after, wants)
        self._followers.add(following)
        if after != begins:
            following.catch_up()
            allowed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._tasks.create_task(self._catch_up(following, after, allowed))
            try:
                await allowed
            except BaseException:
                self.leave(following)
                raise
        return following

    def leave(self, following: Following) -> None:
        following.end()
        self._followers.discard(following)

    async def _end(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._tasks = None
        self._wanted.set()
        self._end_all()

    def _end_all(self) -> None:
        for following in self._followers:
            following.end()
        self._followers.clear()

    async def _read(self, stopping: asyncio.Event, backoff: Backoff) -> None:
        async with _started(make_topic_reader(self._bootstrap, self._topic)) as kafka:
            await self._go_to_place(kafka)
            backoff.reset()
            self._failing = False
            self._ready.set()
            try:
                while self._in_use() and not stopping.is_set():
                    polled = await kafka.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)
                    for partition, records in polled.items():
                        self._take(partition.partition, records)
                    if polled:
                        await asyncio.sleep(_BREATH)
            finally:
                self._ready.clear()
                if not self._in_use():
                    self._offsets = None
                    self._wanted.clear()

    def _in_use(self) -> bool:
        return bool(self._followers) or monotonic() - self._asked_at < _IDLE_S

    async def _go_to_place(self, kafka: AIOKafkaConsumer) -> None:
        """Go on where we were before the broker went away, or begin with what comes now."""
        partitions = sorted(kafka.assignment())
        if not partitions:
            raise TransientError(f"There is no topic {self._topic}.")
        if self._offsets is None:
            ends = await kafka.end_offsets(partitions)
            self._offsets = tuple(ends[partition] for partition in partitions)
        for partition, offset in zip(partitions, self._offsets, strict=False):
            kafka.seek(partition, offset)

    def _take(self, partition: int, records: list[Any]) -> None:
        offsets = list(self._offsets or ())
        # A topic may get more partitions at any time; they are read from their beginning.
        offsets += [0] * (partition + 1 - len(offsets))
        if records[0].offset != offsets[partition]:
            # Retention has overtaken us, or the topic was made anew: who comes again is told so.
            log.warning("stream_broken", partition=partition, offset=records[0].offset)
            self._end_all()
        offsets[partition] = records[-1].offset + 1
        self._offsets = tuple(offsets)
        happened = [self._newsreader.read(record) for record in records]
        for following in tuple(self._followers):
            following.tell(happened)
            if following.over.is_set():
                log.info("stream_client_too_slow")
                self._followers.discard(following)

    async def _catch_up(
        self, following: Following, after: Offsets, allowed: "asyncio.Future[None]"
    ) -> None:
        """Bring what lies between; who takes too long over it is cut off, and comes again.

        `allowed` is set once it is known that all of it is there.
        """
        patience = asyncio.get_running_loop().call_later(_CATCH_UP_WITHIN_S, following.end)
        try:
            async with (
                self._turns,
                _started(make_range_reader(self._bootstrap)) as kafka,
            ):
                await self._check(kafka, after)
                if not allowed.done():
                    allowed.set_result(None)
                await self._bring(kafka, following, after)
            following.caught_up()
        except Exception as error:  # noqa: BLE001 - one client's trouble is no other's
            log.warning("stream_client_left_behind", error=repr(error))
            following.end()
            if not allowed.done():
                allowed.set_exception(
                    error if isinstance(error, OffsetGoneError) else StreamUnavailableError()
                )
        finally:
            patience.cancel()

    async def _check(self, kafka: AIOKafkaConsumer, after: Offsets) -> None:
        partitions = [TopicPartition(self._topic, number) for number in range(len(after))]
        kept = await kafka.beginning_offsets(partitions)
        ends = await kafka.end_offsets(partitions)
        check(after, _by_number(kept), _by_number(ends))

    async def _bring(self, kafka: AIOKafkaConsumer, following: Following, after: Offsets) -> None:
        until = following.begins
        left = {TopicPartition(self._topic, number) for number in missed(after, until)}
        newsreader = Newsreader()
        kafka.assign(sorted(left))
        for partition in left:
            kafka.seek(partition, after[partition.partition])
        while left and not following.over.is_set():
            polled = await kafka.getmany(*left, timeout_ms=_POLL_MS, max_records=_BATCH)
            found = [
                newsreader.read(record)
                for partition, records in polled.items()
                for record in records
                if record.offset < until[partition.partition]
            ]
            if found:
                await following.bring(found)
            for partition in polled:
                if await kafka.position(partition) >= until[partition.partition]:
                    left.discard(partition)


@asynccontextmanager
async def _started(kafka: AIOKafkaConsumer) -> AsyncIterator[AIOKafkaConsumer]:
    try:
        await kafka.start()
        yield kafka
    finally:
        await kafka.stop()


def _by_number(offsets: Mapping[TopicPartition, int]) -> dict[int, int]:
    return {partition.partition: offset for partition, offset in offsets.items()}
