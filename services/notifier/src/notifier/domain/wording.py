"""The words of a message, the same on every medium: what, why now, how long left."""

from datetime import UTC, datetime
from typing import assert_never

from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Content, Reason

_MINUTE, _HOUR = 60, 3600


def why_now(reason: Reason) -> str:
    match reason:
        case "warning":
            return "A promise is about to break"
        case "raised":
            return "You are asked first"
        case "climbed":
            return "Nobody below you took it"
        case "repeated":
            return "Still nobody has answered"
        case "alarm":
            return "Upstairs found a fault in its own books"
        case _:
            assert_never(reason)


def left(until: datetime, at: datetime) -> str:
    """Say how long there is, rounded down: `12 min left`."""
    seconds = int((until - at).total_seconds())
    return f"{_span(seconds)} left" if seconds > 0 else "time is up"


def _span(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    hours, rest = divmod(seconds, _HOUR)
    return f"{hours} h {rest // _MINUTE} min"


def deadline(content: Content, at: datetime) -> str | None:
    if content.respond_by is None:
        return None
    clock = format(content.respond_by.astimezone(UTC), "%H:%M:%S UTC")
    return f"{clock} ({left(content.respond_by, at)})"


def circumstances(content: Content) -> tuple[str, ...]:
    """Say what else helps to judge: why this person now, how grave, at which level."""
    return (
        why_now(content.reason),
        *((f"{content.severity} severity",) if content.severity else ()),
        *((f"level {content.level_name}",) if content.level_name else ()),
    )


def settled(escalation: Escalation, name: str | None) -> str:
    """Say who did the last thing, and what: `Acknowledged by Dana`."""
    done = escalation.state.replace("_", " ").capitalize()
    who = name or escalation.by
    return f"{done} by {who}" if who else done
