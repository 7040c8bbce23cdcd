"""How a clock stands, and what happened to it, in sentences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from common.contracts.clocks import ThresholdAction
from console.texts import mark
from console.views.change_reasons import change_reason_text, policy_text
from console.views.fallback import Write, try_to_write
from console.views.reader import Reader, parse_time
from console.views.words import title_of

Data = Mapping[str, Any]

_ACTIONS: Final[Mapping[ThresholdAction, str]] = {
    "warn_representative": mark("the representative was warned"),
    "warn_supervisor": mark("the supervisors were warned"),
    "raise": mark("it was escalated"),
    "change_priority": mark("another priority was asked for"),
}


def explanation(clock: Data, reader: Reader) -> str:
    """Say since when it runs, until when, and how it ended or is held."""
    _ = reader.texts.gettext
    started = _("It runs since %(time)s.", time=reader.time(clock["started_at"]))
    return f"{started} {_state(clock, reader)}"


def _state(clock: Data, reader: Reader) -> str:
    _, duration = reader.texts.gettext, reader.texts.duration
    due_at = parse_time(clock["due_at"])
    met_at, cancelled_at = parse_time(clock["met_at"]), parse_time(clock["cancelled_at"])
    if met_at is not None and due_at is not None:
        return _ended(met_at, due_at, reader)
    if cancelled_at is not None:
        ended = reader.texts.time(cancelled_at, reader.now)
        return _("No longer needed since %(time)s.", time=ended)
    if clock["paused_at"] is not None:
        left = max(0.0, clock["left_business_s"] or 0.0)
        return _(
            "Paused since %(time)s with %(duration)s left: we wait for the customer.",
            time=reader.time(clock["paused_at"]),
            duration=duration(left),
        )
    if due_at is None:
        return ""
    return _("It ends at %(time)s.", time=reader.texts.time(due_at, reader.now))


def _ended(met_at: datetime, due_at: datetime, reader: Reader) -> str:
    late_s = (met_at - due_at).total_seconds()
    at = reader.texts.time(met_at, reader.now)
    if late_s > 0:
        return reader.texts.gettext(
            "Kept too late, at %(time)s: %(duration)s after its end.",
            time=at,
            duration=reader.texts.duration(late_s),
        )
    return reader.texts.gettext(
        "Kept at %(time)s: %(duration)s before its end.",
        time=at,
        duration=reader.texts.duration(-late_s),
    )


def change_text(entry: Data, reader: Reader) -> str:
    """Say what happened to it, and why; what has no words here in those of the service.

    If the reason has none, the text of the service has both.
    """
    write = _CHANGES.get(entry["code"])
    if write is None:
        return str(entry["text"])
    text = try_to_write(write, entry["parameters"], reader)
    if entry["code"] in _WITHOUT_REASON:
        return text or str(entry["text"])
    reason = None if entry["reason"] is None else change_reason_text(entry["reason"], reader)
    return str(entry["text"]) if text is None or reason is None else f"{text}: {reason}"


def _started(of: Data, reader: Reader) -> str:
    return reader.texts.gettext(
        "Started, %(duration)s by %(policy)s, until %(time)s",
        duration=_target(of, reader),
        policy=policy_text(of["policy_id"], of["policy_version"], reader),
        time=reader.time(of["due_at"]),
    )


def _target(of: Data, reader: Reader) -> str:
    """Write `10 min` or `10 min of calendar Berlin`."""
    duration = reader.texts.duration(of["target_s"])
    if of["calendar_id"] is None:
        return duration
    return reader.texts.gettext(
        "%(duration)s of calendar %(calendar)s",
        duration=duration,
        calendar=title_of(of["calendar_id"]),
    )


def _paused(of: Data, reader: Reader) -> str:
    return reader.texts.gettext(
        "Paused after %(duration)s", duration=reader.texts.duration(of["elapsed_s"])
    )


def _resumed(of: Data, reader: Reader) -> str:
    return reader.texts.gettext(
        "Runs on with %(duration)s left, until %(time)s",
        duration=reader.texts.duration(of["left_s"]),
        time=reader.time(of["due_at"]),
    )


def _runs_on(of: Data, reader: Reader) -> str:
    return reader.texts.gettext(
        "Runs on by %(policy)s after %(duration)s, until %(time)s",
        policy=policy_text(of["policy_id"], of["policy_version"], reader),
        duration=reader.texts.duration(of["elapsed_s"]),
        time=reader.time(of["due_at"]),
    )


def _retargeted(of: Data, reader: Reader) -> str:
    return reader.texts.gettext(
        "Changed from %(before)s to %(after)s by %(policy)s after %(duration)s, until %(time)s",
        before=reader.texts.duration(of["before_s"]),
        after=_target(of, reader),
        policy=policy_text(of["policy_id"], of["policy_version"], reader),
        duration=reader.texts.duration(of["elapsed_s"]),
        time=reader.time(of["due_at"]),
    )


def _passed(of: Data, reader: Reader) -> str:
    _ = reader.texts.gettext
    action = _(_ACTIONS[of["action"]])
    return _("%(percent)s %% of the time passed: %(action)s", percent=of["percent"], action=action)


def _breached(_of: Data, reader: Reader) -> str:
    return reader.texts.gettext("The time is over, and it was not kept")


def _met(of: Data, reader: Reader) -> str:
    late_s = of["late_s"]
    if late_s > 0:
        late = reader.texts.duration(late_s)
        return reader.texts.gettext("Kept %(duration)s too late", duration=late)
    early = reader.texts.duration(-late_s)
    return reader.texts.gettext("Kept %(duration)s before its end", duration=early)


def _cancelled(_of: Data, reader: Reader) -> str:
    return reader.texts.gettext("No longer needed")


_CHANGES: Final[Mapping[str, Write]] = {
    "started": _started,
    "paused": _paused,
    "resumed": _resumed,
    "runs-on": _runs_on,
    "retargeted": _retargeted,
    "passed": _passed,
    "breached": _breached,
    "met": _met,
    "cancelled": _cancelled,
}
# The clock itself is why.
_WITHOUT_REASON: Final = frozenset(("passed", "breached", "met"))
