"""Dead letters dealt with: handled after all, or discarded. Each once, whoever asks how often."""

from typing import Generic, TypeVar

import structlog

from common.core import trace
from common.core.errors import PermanentError, is_transient
from common.messaging.dispatcher import Dispatcher, Message
from common.messaging.envelope import decode
from common.storage.dead_letter_store import DeadLetterStore, DeadLetterSummary, StoredDeadLetter
from common.storage.dead_letters import TIMER_ORIGIN, DeadLetter, decode_bytes
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

_HANDLED_ELSEWHERE = "nothing was done: its event had been handled by another delivery"

log = structlog.get_logger()


class DeadLetterNotFoundError(PermanentError):
    """There is no such dead letter."""


class ForeignRecordError(PermanentError):
    """No handler is subscribed to this type of message."""


class AlreadySettledError(PermanentError):
    """Somebody has dealt with it."""

    def __init__(self, letter: DeadLetterSummary) -> None:
        when = f"{letter.dealt_at:%Y-%m-%d %H:%M:%S} UTC"
        super().__init__(f"It was {letter.state} by {letter.dealt_by} at {when}; nothing was done.")
        self.letter = letter


class ReplayFailedError(PermanentError):
    """It waits on, with its new reason."""

    def __init__(self, letter: DeadLetterSummary) -> None:
        super().__init__(f"Attempt {letter.attempts} failed, and it waits on: {letter.reason}")
        self.letter = letter


class Replay(Generic[U]):
    """Deals with the dead letters of one service by its own handlers."""

    def __init__(self, dispatcher: Dispatcher[U]) -> None:
        self._dispatcher = dispatcher
        self._database = dispatcher.database

    async def replay(self, letter_id: int, by: str) -> DeadLetterSummary:
        """Handle the letter's message now; it is marked in the transaction that handles it.

        Raises FailedAgain, UnknownLetter or AlreadyDealtWith with nothing done.
        """
        own = trace.current()
        try:
            async with self._database.transaction() as uow:
                letter = await _waiting(letter_id, uow)
                message = self._message(letter)
                fresh = await self._fresh(letter, message, uow)
                await self._dispatcher.work(uow, fresh)
                why = None if fresh else _HANDLED_ELSEWHERE
                dealt = await DeadLetterStore(uow.connection).settle(letter_id, "replayed", by, why)
            self._dispatcher.report(fresh, "replayed")
        except (DeadLetterNotFoundError, AlreadySettledError):
            raise
        except Exception as error:
            if is_transient(error):
                raise
            raise await self._failed(letter_id, error) from error
        finally:
            trace.restore(own)
        log.info("letter_replayed", letter=letter_id, origin=dealt.origin, by=by)
        return dealt

    async def discard(self, letter_id: int, by: str, why: str) -> DeadLetterSummary:
        """Close the letter unhandled; raises UnknownLetter or AlreadyDealtWith."""
        async with self._database.transaction() as uow:
            await _waiting(letter_id, uow)
            dealt = await DeadLetterStore(uow.connection).settle(letter_id, "discarded", by, why)
        log.info("letter_discarded", letter=letter_id, origin=dealt.origin, by=by)
        return dealt

    async def _fresh(self, letter: StoredDeadLetter, message: Message, uow: U) -> list[Message]:
        """Return the message, unless its event is not the letter's to handle.

        A malformed record was buried without a claim. A mended service that met the event again,
        or replayed another record of it, has handled it.
        """
        if letter.claimed or message.event_id is None:
            return [message]
        return await self._dispatcher.claim(uow, [message])

    def _message(self, letter: StoredDeadLetter) -> Message:
        if letter.origin.startswith(TIMER_ORIGIN):
            return self._timer(letter)
        headers = [(name, decode_bytes(value)) for name, value in letter.headers.items()]
        envelope, event = decode((letter.key or "").encode(), headers, letter.payload)
        if event.type not in self._dispatcher.subscriptions.events:
            raise ForeignRecordError
        return Message(event, _never_buried, envelope.id, envelope.traceparent)

    def _timer(self, letter: StoredDeadLetter) -> Message:
        kind = self._dispatcher.subscriptions.timers.get(letter.type or "")
        if kind is None:
            raise ForeignRecordError
        timer = kind.model_validate_json(letter.payload or b"")
        return Message(timer, _never_buried, traceparent=letter.traceparent)

    async def _failed(self, letter_id: int, error: Exception) -> Exception:
        log.warning("replay_failed", letter=letter_id, error=repr(error))
        async with self._database.transaction() as uow:
            await _waiting(letter_id, uow)  # another may have had better luck with it
            return ReplayFailedError(await DeadLetterStore(uow.connection).failed(letter_id, error))


async def _waiting(letter_id: int, uow: UnitOfWork) -> StoredDeadLetter:
    """Lock a letter that nobody has dealt with; whoever is at it is waited for."""
    letter = await DeadLetterStore(uow.connection).lock(letter_id)
    if letter is None:
        raise DeadLetterNotFoundError
    if letter.state != "waiting":
        raise AlreadySettledError(letter)
    return letter


def _never_buried(error: BaseException) -> DeadLetter:
    raise AssertionError("a letter that fails stays as it is") from error
