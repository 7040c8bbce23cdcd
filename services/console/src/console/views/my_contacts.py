"""The screen Mine of a representative: my contacts, and which promise ends first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from console.texts import mark
from console.views.countdown import Countdown
from console.views.fields import Option
from console.views.floor import queue_name
from console.views.floor_person import presence_choices
from console.views.reader import Reader, parse_time
from console.views.words import CLOCKS, CONTACT_STATES, service_names

# After all that have a deadline.
_NEVER: Final = float("inf")
_HELD: Final[Mapping[str, str]] = {
    "offered": mark("offered to you"),
    "with_supervisor": mark("with a supervisor"),
}


@dataclass(frozen=True, slots=True)
class Promise:
    """`left` is None where the clock does not run; `text` then says how it stands."""

    name: str
    left: Countdown | None
    text: str


@dataclass(frozen=True, slots=True)
class SupervisorQuestion:
    """Whether the customer asked for a supervisor; `quote` is how the message begins."""

    quote: str
    answer_url: str


@dataclass(frozen=True, slots=True)
class MyContact:
    """`accept_url` and `decline_url` are for an offer only, `question` for what is accepted."""

    contact_id: str
    subject: str
    queue: str
    state_text: str
    since: str
    promises: tuple[Promise, ...]
    accept_url: str | None
    decline_url: str | None
    question: SupervisorQuestion | None

    @property
    def next_deadline_s(self) -> float:
        due = (promise.left.until.timestamp() for promise in self.promises if promise.left)
        return min(due, default=_NEVER)


@dataclass(frozen=True, slots=True)
class MyContactsData:
    """`contacts` and `clocks` are by contact; what is not there is not known now."""

    assignments: Sequence[Mapping[str, Any]] | None
    representative: Mapping[str, Any] | None
    contacts: Mapping[str, Mapping[str, Any]]
    clocks: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class MyContactsView:
    """`presences` is empty if the person has none, or router does not answer."""

    contacts: tuple[MyContact, ...] | None
    presences: tuple[Option, ...]
    missing: tuple[str, ...]


def my_contacts_view(
    data: MyContactsData, missing: Sequence[str], reader: Reader
) -> MyContactsView:
    presence = data.representative["presence"] if data.representative else None
    contacts = None
    if data.assignments is not None:
        rows = [_contact(assignment, data, reader) for assignment in data.assignments]
        # What is offered waits for an answer before anything else.
        rows.sort(key=lambda row: (row.accept_url is None, row.next_deadline_s, row.contact_id))
        contacts = tuple(rows)
    return MyContactsView(
        contacts=contacts,
        presences=() if presence is None else presence_choices(presence, reader),
        missing=service_names(missing, reader.texts),
    )


def _contact(assignment: Mapping[str, Any], data: MyContactsData, reader: Reader) -> MyContact:
    contact_id = assignment["contact_id"]
    contact = data.contacts.get(contact_id)
    clocks = data.clocks.get(contact_id)
    is_offer = assignment["state"] == "offered"
    return MyContact(
        contact_id=contact_id,
        subject=contact["subject"] if contact else "",
        queue=queue_name(assignment["queue"], reader),
        state_text=_state_text(assignment, contact, reader),
        since=reader.duration_since(datetime.fromisoformat(assignment["since"])),
        promises=_promises(clocks, reader) if clocks else (),
        accept_url=f"/mine/{contact_id}/accept" if is_offer else None,
        decline_url=f"/mine/{contact_id}/decline" if is_offer else None,
        question=_question(contact) if contact and assignment["state"] == "assigned" else None,
    )


def _question(contact: Mapping[str, Any]) -> SupervisorQuestion | None:
    question = contact["supervisor_question"]
    if question is None:
        return None
    url = f"/mine/{contact['contact_id']}/answer-supervisor-question"
    return SupervisorQuestion(question["quote"], url)


def _state_text(
    assignment: Mapping[str, Any], contact: Mapping[str, Any] | None, reader: Reader
) -> str:
    if assignment["state"] in _HELD:
        return reader.texts.gettext(_HELD[assignment["state"]])
    state = contact["state"] if contact else "open"
    return reader.texts.gettext(CONTACT_STATES[state])


def _promises(clocks: Mapping[str, Any], reader: Reader) -> tuple[Promise, ...]:
    """List the promises that may still be kept, the next deadline first."""
    promises = [
        _promise(clock, reader)
        for clock in clocks["clocks"]
        if clock["met_at"] is None and clock["cancelled_at"] is None
    ]
    return tuple(
        sorted(promises, key=lambda each: each.left.until.timestamp() if each.left else _NEVER)
    )


def _promise(clock: Mapping[str, Any], reader: Reader) -> Promise:
    _ = reader.texts.gettext
    due_at = parse_time(clock["due_at"])
    name = _(CLOCKS[clock["clock"]])
    if due_at is None or clock["paused_at"] is not None:
        return Promise(name, None, _("paused, since we wait for the customer"))
    return Promise(name, Countdown.of(due_at, name, reader), "")
