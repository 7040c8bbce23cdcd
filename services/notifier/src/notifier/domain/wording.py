"""The words of a message, the same on every medium: what, why now, how long left."""

from datetime import UTC, datetime, timedelta
from typing import assert_never

from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Content
from notifier.domain.reasons import Reason, asks_for

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

WHY_NOW: dict[Reason, str] = {
    "warning": "A promise is about to break",
    "raised": "You are asked first",
    "climbed": "Nobody below you took it",
    "repeated": "Still nobody has answered",
    "returned": "The shift of whoever had it has ended",
    "handed_over": "A colleague asks you to take it",
    "updated": "There is news about it",
    "lease_ending": "It leaves you soon unless you go on with it",
    "snooze_over": "You wanted to come back to it now",
    "approval_asked": "Your approval is asked: give or refuse it in Upstairs",
    "approval_refused": "The approval was refused: it is with you again",
    "unanswered": "The whole ladder was asked and nobody has answered",
    "coaching": "Your coaching is asked for",
    "duty_gap": "Nobody will be on duty",
    "alarm": "Upstairs found a fault in its own books",
}


def left(until: datetime, at: datetime) -> str:
    """Say how long there is, rounded down: `12 min left`, `6 d 22 h left`."""
    seconds = int((until - at).total_seconds())
    return f"{_span(seconds)} left" if seconds > 0 else "time is up"


def _span(seconds: int) -> str:
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    if seconds < _DAY:
        hours, rest = divmod(seconds, _HOUR)
        return f"{hours} h {rest // _MINUTE} min"
    days, rest = divmod(seconds, _DAY)
    return f"{days} d {rest // _HOUR} h"


def deadline(content: Content, at: datetime) -> str | None:
    if content.respond_by is None:
        return None
    day = "%Y-%m-%d " if content.respond_by - at >= timedelta(days=1) else ""
    clock = format(content.respond_by.astimezone(UTC), f"{day}%H:%M:%S UTC")
    when = f"{clock} ({left(content.respond_by, at)})"
    ask = asks_for(content.reason)
    match ask:
        case "answer":
            return f"Answer until {when}."
        case "approval":
            return f"Approve or refuse until {when}."
        case "help":
            return f"It is asked again at {when}."
        case "progress":
            return f"Yours until {when}."
        case "nothing":
            return f"There is time until {when}."
        case _:
            assert_never(ask)


def circumstances(content: Content) -> tuple[str, ...]:
    """Say what else helps to judge: why this person now, how grave, at which level."""
    return (
        WHY_NOW[content.reason],
        *((f"{content.severity} severity",) if content.severity else ()),
        *((f"level {content.level_name}",) if content.level_name else ()),
    )


def moment(at: datetime) -> str:
    return format(at.astimezone(UTC), "%Y-%m-%d %H:%M UTC")


def settled(escalation: Escalation, name: str | None) -> str:
    """Say who did the last thing, and what: `Acknowledged by Dana`."""
    done = escalation.state.replace("_", " ").capitalize()
    who = name or escalation.by
    return f"{done} by {who}" if who else done
