"""What to say to a person when somebody else was faster."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from console.views import words
from console.views.reader import Reader
from console.views.story import event_text


def has_ended(escalation: Mapping[str, Any]) -> bool:
    return escalation["state"] in words.CLOSED_STATES


def ended_text(escalation: Mapping[str, Any], reader: Reader) -> str:
    _ = reader.texts.gettext
    return _("It has ended: %(state)s", state=_(words.STATES[escalation["state"]]))


def conflict_text(current: Mapping[str, Any], detail: str, reader: Reader) -> str:
    """Say who did what and how long ago: `Acknowledged by Sam Stone, 4 s ago.`"""
    _ = reader.texts.gettext
    step = current["latest_step"]
    happened = event_text(step, reader) if step else None
    if step and happened:
        return _(
            "Meanwhile: %(step)s, %(age)s ago. Look at it, then send it again if it still fits.",
            step=happened,
            age=reader.duration_since(datetime.fromisoformat(step["at"])),
        )
    if current["holder"] is not None:
        return _(
            "Meanwhile it is %(state)s by %(person)s.",
            state=_(words.STATES[current["state"]]),
            person=reader.name(current["holder"]),
        )
    return detail
