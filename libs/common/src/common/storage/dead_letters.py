"""Messages that can never be handled, stored whole and with the reason."""

import base64
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson
from pydantic import ValidationError
from sqlalchemy import text

from common.contracts.validation_messages import summarize
from common.core.errors import ContentError, PermanentError
from common.storage.connection import Connection

TIMER_ORIGIN_PREFIX: Final = "timer/"
# An event that Kafka has refused, by its row in the outbox and its id.
OUTBOX_ORIGIN_PREFIX: Final = "outbox/"
# A signed delivery of an outside system, by the connection and the digest of its body.
DELIVERY_ORIGIN_PREFIX: Final = "webhook/"

# Bytes as they are stored and shown: as text where possible, else as {"base64": …}.
Readable: TypeAlias = str | dict[str, str] | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`origin` says where it came from and is unique: an offset in a topic, a timer,
    or a delivery of an outside system.

    `payload` and `headers` are kept byte for byte, for a replay. `trusted`: it is from one of us.
    """

    origin: str
    error: BaseException
    payload: bytes | None
    key: str | None = None
    type: str | None = None
    event_id: str | None = None
    traceparent: str | None = None
    headers: Mapping[str, bytes | None] = field(default_factory=dict)
    trusted: bool = True


class TooManyDeadLettersError(PermanentError):
    """Too many dead letters in a row: probably a fault of this version, not of the messages."""

    def __init__(self) -> None:
        super().__init__(
            f"{self.__doc__} See `dead-letters list`, correct the fault, restart, and run "
            "`dead-letters replay --all`."
        )


# Dead letters in a row that halt a worker.
DEAD_LETTER_LIMIT: Final = 20


class FailureStreak:
    """Counts the dead letters of one worker in a row."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._length = 0

    def reset(self) -> None:
        self._length = 0

    def record(self, error: BaseException) -> None:
        """Count one more; raises TooManyDeadLettersError at the limit.

        Content alone does not count: otherwise somebody could halt a service by what they write.
        """
        if isinstance(error, ContentError):
            return
        self._length += 1
        if self._length >= self._limit:
            raise TooManyDeadLettersError


async def store_dead_letter(connection: Connection, letter: DeadLetter, *, claimed: bool) -> bool:
    """Store the dead letter; return False if it is stored already.

    `claimed`: this transaction has claimed its event in the inbox.
    """
    headers = {to_storable(name): to_readable(value) for name, value in letter.headers.items()}
    texts = {
        "origin": letter.origin,
        "type": letter.type,
        "event_id": letter.event_id,
        "key": letter.key,
        "traceparent": letter.traceparent,
    }
    values = {name: to_storable(value) if value else value for name, value in texts.items()}
    inserted = await connection.execute(
        _INSERT,
        {
            **values,
            **error_fields(letter.error),
            "headers": orjson.dumps(headers).decode(),
            "payload": letter.payload,
            "claimed": claimed,
            "trusted": letter.trusted,
        },
    )
    return bool(inserted)


async def measure_waiting(connection: Connection, origin_prefix: str) -> tuple[int, int]:
    """Return how many dead letters wait whose origin begins so, and the bytes of their payloads."""
    (row,) = await connection.execute(_MEASURE_WAITING, {"prefix": origin_prefix})
    return row.count, row.bytes


async def count_untrusted(connection: Connection) -> int:
    """Return how many dead letters wait that are not trusted."""
    count: int = (await connection.execute(_COUNT_UNTRUSTED)).scalar_one()
    return count


def error_fields(error: BaseException) -> dict[str, str]:
    """Return the columns that describe an error; the reason is for people."""
    detail = summarize(error, "data") if isinstance(error, ValidationError) else str(error)
    return {
        "reason": to_storable(f"{type(error).__name__}: {detail}"),
        "traceback": to_storable("".join(traceback.format_exception(error))),
    }


def to_readable(value: bytes | None) -> Readable:
    if value is None:
        return None
    try:
        as_text = value.decode()
    except UnicodeDecodeError:
        as_text = "\x00"
    if "\x00" in as_text:  # PostgreSQL can't hold it
        return {"base64": base64.b64encode(value).decode()}
    return as_text


def from_readable(value: Readable) -> bytes | None:
    """Return the bytes from which `to_readable` made this value."""
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return None if value is None else value.encode()


def to_storable(value: str) -> str:
    """PostgreSQL's text cannot hold NUL or half a surrogate pair, and bad records do."""
    whole = value.encode(errors="replace").decode()
    return whole.replace("\x00", "\N{SYMBOL FOR NULL}")


_INSERT = text("""
    INSERT INTO dead_letters
        (origin, type, event_id, key, reason, traceback, traceparent, headers, payload, claimed,
         trusted)
    VALUES (:origin, :type, :event_id, :key, :reason, :traceback, :traceparent,
            CAST(CAST(:headers AS text) AS jsonb), :payload, :claimed, :trusted)
    ON CONFLICT (origin) DO NOTHING RETURNING id
""")
_MEASURE_WAITING = text("""
    SELECT count(*) AS count, coalesce(sum(octet_length(payload)), 0) AS bytes
    FROM dead_letters WHERE state = 'waiting' AND starts_with(origin, :prefix)
""")
_COUNT_UNTRUSTED = text("SELECT count(*) FROM dead_letters WHERE state = 'waiting' AND NOT trusted")
