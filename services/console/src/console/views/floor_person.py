"""One person of the floor: the presence, and the contacts that may go back to the queue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from console.texts import mark
from console.views.adjustments import adjustment_url, may_adjust
from console.views.fields import Option, options_of
from console.views.floor import PRESENCES, PersonRow, person_row, person_url, queue_name
from console.views.languages import language_name
from console.views.reader import Reader
from console.views.words import service_names

REASON_LENGTH: Final = 300
# The place of what is refused there; the other forms are named by their contact.
PRESENCE_FORM: Final = "presence"
CAPACITY_FORM: Final = "capacity"
ADJUSTMENT_FORM: Final = "adjustment"
_ASSIGNMENT_STATES: Final[Mapping[str, str]] = {
    "offered": mark("offered"),
    "assigned": mark("assigned"),
}


@dataclass(frozen=True, slots=True)
class FloorContact:
    """`subject` is empty if the service that has it does not answer."""

    contact_id: str
    subject: str
    queue: str
    state_text: str
    since: str
    release_url: str
    may_release: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """What a form sent and why the service refused it; `place` names the form."""

    place: str
    status: int
    problem: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FloorPersonView:
    """`skills` and `languages` are those in force; who may not adjust has no `adjustment_url`."""

    person: PersonRow
    presences: tuple[Option, ...]
    presence_url: str
    capacity_url: str
    usual_capacity: int
    skills: str
    languages: str
    adjustment_url: str | None
    contacts: tuple[FloorContact, ...]
    refused: Refused | None
    missing: tuple[str, ...]


def floor_person_view(
    person: Mapping[str, Any],
    assignments: Sequence[Mapping[str, Any]],
    subjects: Mapping[str, str],
    reader: Reader,
    *,
    refused: Refused | None = None,
    missing: Sequence[str] = (),
) -> FloorPersonView:
    """`subjects` are those of contacts by id; what is not there is not known now."""
    row = person_row(person, reader)
    presence = refused.values.get("presence") if refused else None
    return FloorPersonView(
        person=row,
        presences=presence_choices(presence or row.presence, reader),
        presence_url=f"{row.url}/presence",
        capacity_url=f"{row.url}/capacity",
        usual_capacity=person["usual_capacity"],
        skills=", ".join(person["skills"]),
        languages=", ".join(language_name(tag, reader) for tag in person["languages"]),
        adjustment_url=adjustment_url(row.person)
        if may_adjust(row.person, row.team, reader)
        else None,
        contacts=tuple(
            _contact(assignment, subjects.get(assignment["contact_id"], ""), row.person, reader)
            for assignment in sorted(assignments, key=lambda assignment: assignment["since"])
        ),
        refused=refused,
        missing=service_names(missing, reader.texts),
    )


def presence_choices(chosen: str, reader: Reader) -> tuple[Option, ...]:
    return options_of(
        ((value, reader.texts.gettext(text)) for value, text in PRESENCES.items()), (chosen,)
    )


def _contact(
    assignment: Mapping[str, Any], subject: str, person: str, reader: Reader
) -> FloorContact:
    contact_id, state = assignment["contact_id"], assignment["state"]
    return FloorContact(
        contact_id=contact_id,
        subject=subject,
        queue=queue_name(assignment["queue"], reader),
        state_text=reader.texts.gettext(_ASSIGNMENT_STATES.get(state, state)),
        since=reader.duration_since(datetime.fromisoformat(assignment["since"])),
        release_url=f"{person_url(person)}/contacts/{contact_id}/release",
        may_release=state == "assigned",
    )
