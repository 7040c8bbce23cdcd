"""From messages to effects: one transaction for a batch; if it fails, one for each message."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from common.contracts.event import ContactEvent, Event
from common.core import trace
from common.core.clock import monotonic
from common.core.errors import PermanentError, TransientError, is_transient
from common.core.ids import EventId
from common.core.metrics import Metrics
from common.messages import Timer
from common.messaging.envelope import UntrustedRecordError
from common.messaging.subscriptions import HandlerRegistry
from common.messaging.untrusted_records import UNTRUSTED_RECORD_LIMIT, UntrustedRecords
from common.storage.database import Database
from common.storage.dead_letters import (
    DEAD_LETTER_LIMIT,
    DeadLetter,
    FailureStreak,
    count_untrusted,
    store_dead_letter,
)
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

# Attempts at a message alone before it becomes a dead letter.
_MAX_ATTEMPTS = 3

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Message:
    """A message to handle; `error` is set if it could not be decoded."""

    body: Event | Timer | None
    to_dead_letter: Callable[[BaseException], DeadLetter]
    event_id: EventId | None = None
    traceparent: str | None = None
    error: PermanentError | None = None
    # Of an event, among those of its key in its topic.
    sequence: int = 0

    @property
    def type(self) -> str:
        return self.body.type if self.body is not None else "malformed"


class Dispatcher(Generic[U]):
    """Handles messages by `subscriptions`."""

    def __init__(
        self,
        database: Database[U],
        subscriptions: HandlerRegistry[U],
        metrics: Metrics,
        *,
        dead_letter_limit: int = DEAD_LETTER_LIMIT,
        untrusted_record_limit: int = UNTRUSTED_RECORD_LIMIT,
    ) -> None:
        self.database = database
        self.subscriptions = subscriptions
        self._metrics = metrics
        self.dead_letter_limit = dead_letter_limit
        self._failures = FailureStreak(dead_letter_limit)
        self._untrusted = UntrustedRecords(metrics, untrusted_record_limit)

    async def handle(self, batch: Sequence[Message]) -> None:
        """Handle all, in order.

        Raises TransientError if a dependency is unavailable: the same batch may be handed in again.
        Raises TooManyDeadLettersError after too many dead letters in a row. Records that nothing
        proves to be from their topic's owner do not count: a stranger must not halt a service.
        """
        for message in batch:
            if isinstance(message.error, UntrustedRecordError):
                await self._put_aside(message, message.error)
        await self._handle_trusted(
            [message for message in batch if not isinstance(message.error, UntrustedRecordError)]
        )

    async def _handle_trusted(self, batch: Sequence[Message]) -> None:
        readable = [message for message in batch if message.error is None]
        if await self._try_batch(readable):
            for message in batch:
                if message.error is None:
                    self._failures.reset()
                else:
                    await self._dead_letter(message, message.error)
            return
        for message in batch:
            await self._handle_alone(message)

    async def _try_batch(self, messages: Sequence[Message]) -> bool:
        if not messages:
            return True
        try:
            await self._transact(messages)
        except Exception as error:
            if is_transient(error):
                raise TransientError(str(error)) from error
            if len(messages) > 1:
                log.warning("batch_failed", messages=len(messages), error=repr(error))
            return False
        return True

    async def _handle_alone(self, message: Message) -> None:
        error: BaseException | None = message.error
        for _ in range(_MAX_ATTEMPTS):
            if isinstance(error, PermanentError):
                break
            try:
                await self._transact([message])
            except Exception as caught:
                if is_transient(caught):
                    raise TransientError(str(caught)) from caught
                error = caught
            else:
                return
        if error is not None:
            await self._dead_letter(message, error)

    async def _transact(self, messages: Sequence[Message]) -> None:
        started_at = monotonic()
        async with self.database.transaction(self._to_claim(messages)) as uow:
            unhandled = self._without_handled(messages, uow.inbox.claimed)
            await self.work(uow, unhandled)
        self._metrics.batch_seconds.observe(monotonic() - started_at)
        self._failures.reset()
        self.report(unhandled, "handled")
        if repeated := len(messages) - len(unhandled):
            self._metrics.messages.labels("any", "repeated").inc(repeated)

    async def claim(self, uow: U, messages: Sequence[Message]) -> list[Message]:
        """Claim the messages in the inbox; return those not handled before, each once.

        Those of projections are not claimed: they may be handled again.
        """
        ids = self._to_claim(messages)
        return self._without_handled(messages, await uow.inbox.claim(ids) if ids else set())

    def _to_claim(self, messages: Sequence[Message]) -> list[EventId]:
        return [
            message.event_id
            for message in messages
            if message.event_id is not None and not self._is_projected(message)
        ]

    def _without_handled(self, messages: Sequence[Message], claimed: set[EventId]) -> list[Message]:
        unhandled = []
        for message in messages:
            if self._is_projected(message):
                unhandled.append(message)
            elif message.event_id in claimed:
                claimed.remove(message.event_id)
                unhandled.append(message)
        return unhandled

    async def work(self, uow: U, messages: Sequence[Message]) -> None:
        """Run the handlers inside the caller's transaction."""
        await uow.prelock(
            sorted(
                {
                    message.body.contact_id
                    for message in messages
                    if isinstance(message.body, ContactEvent | Timer)
                    and not self._is_projected(message)
                }
            )
        )
        await uow.preload([message.body for message in messages if message.body is not None])
        for message in messages:
            if message.body is not None:
                trace.restore(message.traceparent)
                uow.outbox.cause = message.event_id or message.type
                await self._handle_one(message, message.body, uow)

    async def _handle_one(self, message: Message, body: Event | Timer, uow: U) -> None:
        projection = self.subscriptions.projections.get(type(body))
        if projection is not None:
            await projection(body, message.sequence, uow)
        else:
            await self.subscriptions.handler(type(body))(body, uow)

    def _is_projected(self, message: Message) -> bool:
        return type(message.body) in self.subscriptions.projections

    def report(self, messages: Sequence[Message], outcome: str) -> None:
        for kind, count in Counter(message.type for message in messages).items():
            self._metrics.messages.labels(kind, outcome).inc(count)
        # A line for each would cost more than to handle many of them.
        if log.is_enabled_for(logging.DEBUG):
            for message in messages:
                self._log_handled(message)

    def _log_handled(self, message: Message) -> None:
        trace.restore(message.traceparent)
        if message.body is not None:
            log.debug(
                "message_handled",
                type=message.type,
                key=message.body.key,
                event_id=message.event_id,
            )

    async def _dead_letter(self, message: Message, error: BaseException) -> None:
        letter = message.to_dead_letter(error)
        try:
            async with self.database.transaction() as uow:
                # Claimed as well, so that a redelivery does not handle it.
                claimed = bool(await self.claim(uow, [message]))
                if message.event_id is not None and not claimed:
                    return  # another replica has handled it
                is_new = await store_dead_letter(uow.connection, letter, claimed=claimed)
        except Exception as caught:
            if is_transient(caught):
                raise TransientError(str(caught)) from caught
            raise
        if is_new:
            self._record_failure(message, letter)

    async def _put_aside(self, message: Message, error: UntrustedRecordError) -> None:
        letter = message.to_dead_letter(error)
        if not self._untrusted.may_keep():
            self._untrusted.record_dropped(error, letter.origin)
            return
        try:
            async with self.database.transaction() as uow:
                waiting = await count_untrusted(uow.connection)
                if may_wait := waiting < self._untrusted.max_waiting:
                    is_new = await store_dead_letter(uow.connection, letter, claimed=False)
        except Exception as caught:
            if is_transient(caught):
                raise TransientError(str(caught)) from caught
            raise
        if not may_wait:
            self._untrusted.record_dropped(error, letter.origin)
        elif is_new:
            self._untrusted.record_kept()
            self._log_dead_letter(message, letter)

    def _record_failure(self, message: Message, letter: DeadLetter) -> None:
        self._log_dead_letter(message, letter)
        self._failures.record(letter.error)

    def _log_dead_letter(self, message: Message, letter: DeadLetter) -> None:
        self._metrics.messages.labels(message.type, "dead_letter").inc()
        self._metrics.dead_letters.inc()
        log.error(
            "message_dead_lettered",
            origin=letter.origin,
            type=letter.type,
            error=repr(letter.error),
        )
