"""Closes a dead letter, once: replays its message or discards it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from common.contracts.decoding import from_json
from common.core import trace
from common.core.errors import PermanentError, is_transient
from common.messaging.dispatcher import Dispatcher, Message
from common.messaging.envelope import Headers
from common.messaging.record_decoder import RecordDecoder
from common.storage.dead_letter_store import DeadLetterStore, DeadLetterSummary, StoredDeadLetter
from common.storage.dead_letters import (
    DELIVERY_ORIGIN_PREFIX,
    OUTBOX_ORIGIN_PREFIX,
    TIMER_ORIGIN_PREFIX,
    DeadLetter,
    from_readable,
)
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
# Applies a delivery of an outside system that was kept, in the transaction of the unit of work.
Redelivery = Callable[[StoredDeadLetter, U], Awaitable[None]]

_PUBLISHED_AGAIN = "it is in the outbox again; if Kafka refuses it again, a new dead letter says so"
_HANDLED_ELSEWHERE = "nothing was done: another delivery of its event had been handled"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _StoredRecord:
    """The record as it was read from Kafka."""

    topic: str
    key: bytes | None
    headers: Headers
    value: bytes | None


class DeadLetterNotFoundError(PermanentError):
    """There is no such dead letter."""


class UnsubscribedTypeError(PermanentError):
    """No handler is subscribed to this type of message."""


class AlreadyClosedError(PermanentError):
    """The dead letter is closed."""

    def __init__(self, letter: DeadLetterSummary) -> None:
        at = f"{letter.closed_at:%Y-%m-%d %H:%M:%S} UTC"
        super().__init__(f"{letter.closed_by} has {letter.state} it at {at}; nothing was done.")
        self.letter = letter


class ReplayFailedError(PermanentError):
    """The message failed again and stays a dead letter, with the new reason."""

    def __init__(self, letter: DeadLetterSummary) -> None:
        super().__init__(f"Attempt {letter.attempts} failed; it is still waiting: {letter.reason}")
        self.letter = letter


class Replay(Generic[U]):
    """Replays and discards the dead letters of one service, with its own handlers."""

    def __init__(
        self,
        dispatcher: Dispatcher[U],
        decoder: RecordDecoder,
        redelivery: Redelivery[U] | None = None,
    ) -> None:
        self._decoder = decoder
        self._dispatcher = dispatcher
        self._database = dispatcher.database
        self._redelivery = redelivery

    async def replay(self, letter_id: int, by: str) -> DeadLetterSummary:
        """Handle the letter's message now; the same transaction closes the dead letter.

        Raises ReplayFailedError, DeadLetterNotFoundError or AlreadyClosedError.
        """
        own = trace.current()
        try:
            async with self._database.transaction() as uow:
                letter = await _lock_waiting(letter_id, uow)
                unhandled, reason = await self._repeat(letter, uow)
                closed = await DeadLetterStore(uow.connection).close(
                    letter_id, "replayed", by, reason
                )
            self._dispatcher.report(unhandled, "replayed")
        except (DeadLetterNotFoundError, AlreadyClosedError):
            raise
        except Exception as error:
            if is_transient(error):
                raise
            raise await self._record_failure(letter_id, error) from error
        finally:
            trace.restore(own)
        log.info("dead_letter_replayed", letter=letter_id, origin=closed.origin, by=by)
        return closed

    async def discard(self, letter_id: int, by: str, reason: str) -> DeadLetterSummary:
        """Close the letter unhandled; raises DeadLetterNotFoundError or AlreadyClosedError."""
        async with self._database.transaction() as uow:
            await _lock_waiting(letter_id, uow)
            closed = await DeadLetterStore(uow.connection).close(letter_id, "discarded", by, reason)
        log.info("dead_letter_discarded", letter=letter_id, origin=closed.origin, by=by)
        return closed

    async def _repeat(
        self, letter: StoredDeadLetter, uow: U
    ) -> tuple[Sequence[Message], str | None]:
        """Do what failed; return the messages handled by it, and why if there are none."""
        if letter.origin.startswith(OUTBOX_ORIGIN_PREFIX):
            await uow.outbox.restore(letter)
            return (), _PUBLISHED_AGAIN
        if letter.origin.startswith(DELIVERY_ORIGIN_PREFIX):
            if self._redelivery is None:
                raise UnsubscribedTypeError
            await self._redelivery(letter, uow)
            return (), None
        message = self._to_message(letter)
        unhandled = await self._unhandled(letter, message, uow)
        await self._dispatcher.work(uow, unhandled)
        return unhandled, None if unhandled else _HANDLED_ELSEWHERE

    async def _unhandled(self, letter: StoredDeadLetter, message: Message, uow: U) -> list[Message]:
        """Return the message, unless its event has been handled already.

        A malformed record became a dead letter without a claim. A repaired service may have
        handled another record of the same event since.
        """
        if letter.claimed or message.event_id is None:
            return [message]
        return await self._dispatcher.claim(uow, [message])

    def _to_message(self, letter: StoredDeadLetter) -> Message:
        if letter.origin.startswith(TIMER_ORIGIN_PREFIX):
            return self._timer_message(letter)
        # Checked again: by now a key may be known, or a contract may allow more.
        envelope, event = self._decoder.decode(_to_record(letter))
        if event.type not in self._dispatcher.subscriptions.events:
            raise UnsubscribedTypeError
        return Message(
            event,
            _never_called,
            envelope.id,
            envelope.traceparent,
            sequence=envelope.sequence,
        )

    def _timer_message(self, letter: StoredDeadLetter) -> Message:
        kind = self._dispatcher.subscriptions.timers.get(letter.type or "")
        if kind is None:
            raise UnsubscribedTypeError
        timer = from_json(kind, letter.payload or b"")
        return Message(timer, _never_called, traceparent=trace.parse(letter.traceparent))

    async def _record_failure(self, letter_id: int, error: Exception) -> Exception:
        log.warning("replay_failed", letter=letter_id, error=repr(error))
        async with self._database.transaction() as uow:
            await _lock_waiting(letter_id, uow)  # another replay may have succeeded
            return ReplayFailedError(
                await DeadLetterStore(uow.connection).record_failure(letter_id, error)
            )


def _to_record(letter: StoredDeadLetter) -> _StoredRecord:
    topic, *_ = letter.origin.split("/")
    headers = [(name, from_readable(value)) for name, value in letter.headers.items()]
    return _StoredRecord(topic, (letter.key or "").encode(), headers, letter.payload)


async def _lock_waiting(letter_id: int, uow: UnitOfWork) -> StoredDeadLetter:
    """Lock a waiting dead letter, after any transaction that has it locked."""
    letter = await DeadLetterStore(uow.connection).lock(letter_id)
    if letter is None:
        raise DeadLetterNotFoundError
    if letter.state != "waiting":
        raise AlreadyClosedError(letter)
    return letter


def _never_called(error: BaseException) -> DeadLetter:
    raise AssertionError("a replay that fails makes no new dead letter") from error
