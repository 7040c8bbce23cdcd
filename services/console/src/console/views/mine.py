"""The screen Mine: what I hold, what I may approve, what was handed to me, whom I should coach."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from console.texts import mark
from console.views.buttons import escalation_url
from console.views.reader import Reader
from console.views.rows import Row, make_row
from console.views.words import service_names

HANDED_OVER: Final = "upstairs.escalation_handed_over.v1"
_TITLES: Final[Mapping[str, str]] = {
    "approvals": mark("Waits for your approval"),
    "handed": mark("Handed to you"),
    "answers": mark("Waits for your answer"),
    "held": mark("You have these"),
}


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Coaching:
    """`by` asks that `person` be coached about `text`."""

    person: str
    by: str
    text: str
    at: str
    url: str | None


@dataclass(frozen=True, slots=True)
class MineData:
    """What the services answered; None for one that did not."""

    escalations: Sequence[Mapping[str, Any]] | None
    notifications: Sequence[Mapping[str, Any]] | None
    change_requests: Sequence[Mapping[str, Any]] | None


@dataclass(frozen=True, slots=True)
class MineView:
    """Parts are None where the service does not answer; `swaps` counts those to answer.

    A section without rows is left out.
    """

    sections: tuple[Section, ...] | None
    coachings: tuple[Coaching, ...] | None
    swaps: int | None
    missing: tuple[str, ...]


def mine_view(data: MineData, missing: Sequence[str], reader: Reader) -> MineView:
    return MineView(
        sections=None if data.escalations is None else _sections(data.escalations, reader),
        coachings=None if data.notifications is None else _coachings(data.notifications, reader),
        swaps=None
        if data.change_requests is None
        else sum(request["person_id"] == reader.person for request in data.change_requests),
        missing=service_names(missing, reader.texts),
    )


def _sections(escalations: Iterable[Mapping[str, Any]], reader: Reader) -> tuple[Section, ...]:
    rows: dict[str, list[Row]] = {name: [] for name in _TITLES}
    for escalation in escalations:
        name = _section_of(escalation, reader)
        if name is not None:
            rows[name].append(make_row(escalation, reader))
    return tuple(
        Section(
            name,
            reader.texts.gettext(title),
            tuple(sorted(rows[name], key=lambda row: row.sort_key)),
        )
        for name, title in _TITLES.items()
        if rows[name]
    )


def _section_of(escalation: Mapping[str, Any], reader: Reader) -> str | None:
    if escalation["holder"] == reader.person:
        return "held"
    if reader.person not in escalation["awaited"]:
        return None
    if escalation["state"] == "approval_asked":
        return "approvals"
    step = escalation.get("latest_step")
    return "handed" if step is not None and step["type"] == HANDED_OVER else "answers"


def _coachings(notifications: Iterable[Mapping[str, Any]], reader: Reader) -> tuple[Coaching, ...]:
    """List each request once, however many messages told of it."""
    requests = {
        notification["page_id"]: notification
        for notification in notifications
        if notification["content"]["coaching"] is not None
    }
    latest = sorted(requests.values(), key=lambda request: request["requested_at"], reverse=True)
    return tuple(_coaching(request, reader) for request in latest)


def _coaching(notification: Mapping[str, Any], reader: Reader) -> Coaching:
    coaching, escalation_id = notification["content"]["coaching"], notification["escalation_id"]
    at = datetime.fromisoformat(notification["requested_at"])
    return Coaching(
        person=reader.name(coaching["person_id"]),
        by=reader.name(coaching["by"]),
        text=coaching["text"],
        at=reader.texts.time(at, reader.now),
        url=None if escalation_id is None else escalation_url(escalation_id),
    )
