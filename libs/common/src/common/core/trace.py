"""W3C trace context: one `traceparent` follows a contact through HTTP, outbox, Kafka and timers."""

import re
import secrets
from contextvars import ContextVar

_FORM = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    return _current.get()


def start(traceparent: str | None) -> str:
    """Make what follows in this task part of the given trace, or of a new one."""
    if traceparent is None or not _FORM.fullmatch(traceparent):
        traceparent = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    _current.set(traceparent)
    return traceparent


def restore(traceparent: str | None) -> None:
    """Take up the trace that a stored message carries, if it carries one."""
    _current.set(traceparent)
