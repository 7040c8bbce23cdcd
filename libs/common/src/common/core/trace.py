"""W3C trace context: one `traceparent` goes with a contact through HTTP, Kafka and timers.

It is passed on unchanged, to correlate logs; services add no spans of their own.
"""

import re
from contextvars import ContextVar

import uuid_utils

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    return _current.get()


def parse(traceparent: str | None) -> str | None:
    """Return it if it is a `traceparent`: others write it, and it is passed on with every event."""
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


def start(traceparent: str | None) -> str:
    """Begin the given trace in this task, or a new one, and return it."""
    traceparent = parse(traceparent)
    if traceparent is None:
        # Unlike `secrets`, it does not ask the kernel each time.
        trace, span = uuid_utils.uuid4().hex, uuid_utils.uuid4().hex[:16]
        traceparent = f"00-{trace}-{span}-01"
    _current.set(traceparent)
    return traceparent


def current_bytes() -> bytes | None:
    """Return the current trace as tables keep it: half as long."""
    traceparent = _current.get()
    return bytes.fromhex(traceparent[3:].replace("-", "")) if traceparent else None


def from_bytes(stored: bytes | None) -> str | None:
    """Return the trace that `current_bytes` has written; others may have written none."""
    text = (stored or b"").hex()
    return parse(f"00-{text[:32]}-{text[32:48]}-{text[48:]}")


def restore(traceparent: str | None) -> None:
    """Continue the trace that a stored message carries, or none."""
    _current.set(traceparent)
