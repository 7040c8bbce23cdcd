"""W3C trace context: one `traceparent` goes with a contact through HTTP, Kafka and timers.

It is passed on unchanged, to correlate logs; services add no spans of their own.
"""

import re
import secrets
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    return _current.get()


def start(traceparent: str | None) -> str:
    """Begin the given trace in this task, or a new one, and return it."""
    if traceparent is None or not _TRACEPARENT.fullmatch(traceparent):
        traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    _current.set(traceparent)
    return traceparent


def restore(traceparent: str | None) -> None:
    """Continue the trace that a stored message carries, or none."""
    _current.set(traceparent)
