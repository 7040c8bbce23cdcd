"""Messages that can never be handled, kept with the reason and all that came with them."""

import traceback
from dataclasses import dataclass, field

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`origin` is where it came from, and no other message's: a place in a topic, or a timer."""

    origin: str
    error: BaseException
    payload: bytes | None
    key: str | None = None
    type: str | None = None
    event_id: str | None = None
    traceparent: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


async def bury(connection: AsyncConnection, letter: DeadLetter) -> None:
    await connection.execute(
        _BURY,
        {
            "origin": letter.origin,
            "type": letter.type,
            "event_id": letter.event_id,
            "key": letter.key,
            "reason": _storable(f"{type(letter.error).__name__}: {letter.error}"),
            "trace": _storable("".join(traceback.format_exception(letter.error))),
            "traceparent": letter.traceparent,
            "headers": _storable(orjson.dumps(letter.headers).decode()).replace("\\u0000", ""),
            "payload": letter.payload,
        },
    )


def _storable(value: str) -> str:
    """PostgreSQL's text cannot hold NUL, and a bad record is where one turns up."""
    return value.replace("\x00", "\N{SYMBOL FOR NULL}")


_BURY = text("""
    INSERT INTO dead_letters
        (origin, type, event_id, key, reason, trace, traceparent, headers, payload)
    VALUES (:origin, :type, :event_id, :key, :reason, :trace, :traceparent,
            CAST(CAST(:headers AS text) AS jsonb), :payload)
    ON CONFLICT (origin) DO NOTHING
""")
