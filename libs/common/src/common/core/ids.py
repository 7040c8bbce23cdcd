"""Identifiers. New ones begin with the time: indexes grow at one end, and an id tells its day."""

from datetime import UTC, date, datetime
from typing import NewType

import uuid_utils

EventId = NewType("EventId", str)


def new_id() -> str:
    """Return a UUID version 7 (RFC 9562)."""
    return str(uuid_utils.uuid7())


_TIME_ORDERED_VERSION = 7


def derived_id(*parts: object) -> str:
    """Return the UUID (version 5) of these parts: the same parts always give the same id."""
    return str(uuid_utils.uuid5(uuid_utils.NAMESPACE_OID, "/".join(map(str, parts))))


def canonical(identifier: str) -> str:
    """Return a UUID as PostgreSQL writes it; raises ValueError for other texts."""
    return str(uuid_utils.UUID(identifier))


def first_id(at: datetime) -> str:
    """Return the lowest id that may be made at this time, to the millisecond."""
    time = f"{round(at.timestamp() * 1000):012x}"
    return canonical(f"{time}{0:020x}")


def day_of(event_id: EventId) -> date:
    """Return the UTC day in which a version 7 id was made; raises ValueError for any other id."""
    parsed = uuid_utils.UUID(event_id)
    if parsed.version != _TIME_ORDERED_VERSION:
        message = f"{event_id} is not a UUID version 7"
        raise ValueError(message)
    return datetime.fromtimestamp(parsed.timestamp / 1000, UTC).date()
