"""Messages that can never be handled, kept with the reason and all that came with them."""

import base64
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from common.core.errors import PermanentError

TIMER_ORIGIN: Final = "timer/"

# Bytes as they are stored and shown: as text if they are text, else as {"base64": …}.
Readable: TypeAlias = str | dict[str, str] | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`origin` is where it came from, and no other message's: a place in a topic, or a timer.

    `payload` and `headers` are kept byte for byte: it is replayed from them.
    """

    origin: str
    error: BaseException
    payload: bytes | None
    key: str | None = None
    type: str | None = None
    event_id: str | None = None
    traceparent: str | None = None
    headers: Mapping[str, bytes | None] = field(default_factory=dict)


class TooManyDeadLettersError(PermanentError):
    """One message after another cannot be handled: this looks like us, not like them."""

    def __init__(self) -> None:
        super().__init__(
            f"{self.__doc__} See what `dead-letters list` says, mend it, restart, and then "
            "`dead-letters replay --all`."
        )


class FailureStreak:
    """The dead letters that one worker has buried in a row."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._length = 0

    def reset(self) -> None:
        self._length = 0

    def record(self) -> None:
        """Count one more; raises TooManyDeadLetters when it is the one too many."""
        self._length += 1
        if self._length >= self._limit:
            raise TooManyDeadLettersError


async def store_dead_letter(
    connection: AsyncConnection, letter: DeadLetter, *, claimed: bool
) -> bool:
    """Keep the letter; return whether it was not kept already.

    `claimed`: this transaction has claimed its event in the inbox.
    """
    headers = {storable(name): readable(value) for name, value in letter.headers.items()}
    texts = {
        "origin": letter.origin,
        "type": letter.type,
        "event_id": letter.event_id,
        "key": letter.key,
        "traceparent": letter.traceparent,
    }
    given = {name: storable(value) if value else value for name, value in texts.items()}
    buried = await connection.execute(
        _BURY,
        {
            **given,
            **error_fields(letter.error),
            "headers": orjson.dumps(headers).decode(),
            "payload": letter.payload,
            "claimed": claimed,
        },
    )
    return buried.rowcount > 0


def error_fields(error: BaseException) -> dict[str, str]:
    """Return the reason and the trace that are kept of an error."""
    return {
        "reason": storable(f"{type(error).__name__}: {error}"),
        "trace": storable("".join(traceback.format_exception(error))),
    }


def readable(value: bytes | None) -> Readable:
    if value is None:
        return None
    try:
        as_text = value.decode()
    except UnicodeDecodeError:
        as_text = "\x00"
    if "\x00" in as_text:  # PostgreSQL can't hold it
        return {"base64": base64.b64encode(value).decode()}
    return as_text


def decode_bytes(value: Readable) -> bytes | None:
    """Return the bytes that `readable` was given."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return None if value is None else value.encode()


def storable(value: str) -> str:
    """PostgreSQL's text cannot hold NUL or half a surrogate pair, and bad records do."""
    whole = value.encode(errors="replace").decode()
    return whole.replace("\x00", "\N{SYMBOL FOR NULL}")


_BURY = text("""
    INSERT INTO dead_letters
        (origin, type, event_id, key, reason, trace, traceparent, headers, payload, claimed)
    VALUES (:origin, :type, :event_id, :key, :reason, :trace, :traceparent,
            CAST(CAST(:headers AS text) AS jsonb), :payload, :claimed)
    ON CONFLICT (origin) DO NOTHING
""")
