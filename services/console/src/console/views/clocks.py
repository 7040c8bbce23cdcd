"""The promises to the customer: each clock, how it stands, and how it came to that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.views import words
from console.views.clock_words import change_text, explanation
from console.views.countdown import Countdown
from console.views.reader import Reader, parse_time


@dataclass(frozen=True, slots=True)
class ClockRow:
    name: str
    state: str
    state_text: str
    target: str
    left: Countdown | None
    business_time_left: str | None
    policy: str
    calendar: str | None
    explanation: str
    timeline: tuple[tuple[str, str], ...]


def clock_rows(clocks: Mapping[str, Any], reader: Reader) -> tuple[ClockRow, ...]:
    return tuple(_clock_row(clock, reader) for clock in clocks["clocks"])


def _clock_row(clock: Mapping[str, Any], reader: Reader) -> ClockRow:
    texts = reader.texts
    return ClockRow(
        name=texts.gettext(words.CLOCKS[clock["clock"]]),
        state=clock["state"],
        state_text=_state_text(clock, reader),
        target=texts.duration(clock["target_s"]),
        left=_left(clock, reader),
        business_time_left=_business_time_left(clock, reader),
        policy=_ref(clock["policy"], reader),
        calendar=None if clock["calendar"] is None else _ref(clock["calendar"], reader),
        explanation=explanation(clock, reader),
        timeline=tuple(
            (reader.time(entry["at"]), change_text(entry, reader)) for entry in clock["timeline"]
        ),
    )


def _state_text(clock: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    met_at = parse_time(clock["met_at"])
    if clock["state"] == "breached" and met_at is not None:
        return _("kept too late, at %(time)s", time=reader.texts.time(met_at, reader.now))
    if met_at is not None:
        return _("kept at %(time)s", time=reader.texts.time(met_at, reader.now))
    if clock["state"] == "paused":
        return _("paused, since we wait for the customer")
    return _(words.CLOCK_STATES[clock["state"]])


def _left(clock: Mapping[str, Any], reader: Reader) -> Countdown | None:
    due_at = parse_time(clock["due_at"])
    if due_at is None or clock["left_s"] is None:
        return None
    return Countdown.of(due_at, reader.texts.gettext("to keep it"), reader)


def _business_time_left(clock: Mapping[str, Any], reader: Reader) -> str | None:
    """Say how much business time is left, where that is not simply the time left."""
    left_s = clock["left_business_s"]
    if clock["calendar"] is None or left_s is None or left_s < 0:
        return None
    return reader.texts.gettext(
        "%(duration)s of business time", duration=reader.texts.duration(left_s)
    )


def _ref(ref: Mapping[str, Any], reader: Reader) -> str:
    name = words.title_of(ref["id"])
    return reader.texts.gettext("%(name)s, version %(version)s", name=name, version=ref["version"])
