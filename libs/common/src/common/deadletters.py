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


async def bury(connection: AsyncConnection, letter: DeadLetter) -> bool:
    """Keep the letter; return whether it was not kept already."""
    headers = {_storable(name): _storable(value) for name, value in letter.headers.items()}
    texts = {
        "origin": letter.origin,
        "type": letter.type,
        "event_id": letter.event_id,
        "key": letter.key,
        "reason": f"{type(letter.error).__name__}: {letter.error}",
        "trace": "".join(traceback.format_exception(letter.error)),
        "traceparent": letter.traceparent,
        "headers": orjson.dumps(headers).decode(),
    }
    storable = {name: _storable(text) if text else text for name, text in texts.items()}
    buried = await connection.execute(_BURY, {**storable, "payload": letter.payload})
    return buried.rowcount > 0


def _storable(value: str) -> str:
    """PostgreSQL's text cannot hold NUL or half a surrogate pair, and bad records do."""
    whole = value.encode(errors="replace").decode()
    return whole.replace("\x00", "\N{SYMBOL FOR NULL}")


_BURY = text("""
    INSERT INTO dead_letters
        (origin, type, event_id, key, reason, trace, traceparent, headers, payload)
    VALUES (:origin, :type, :event_id, :key, :reason, :trace, :traceparent,
            CAST(CAST(:headers AS text) AS jsonb), :payload)
    ON CONFLICT (origin) DO NOTHING
""")
