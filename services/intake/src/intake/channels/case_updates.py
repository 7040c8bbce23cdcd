"""What a CRM says of a case: a picture of its fields, and not what changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from common.contracts.contacts import Channel, Priority
from intake.channels.base import (
    ChannelEvent,
    ContactDiscarded,
    ContactOpened,
    ContactSetOpen,
    ContactSetPending,
    ContactSolved,
    ExternalContact,
    PriorityChanged,
    RepresentativeMessageAdded,
    SupervisorRequested,
    UnrelatedUpdate,
)
from intake.channels.event_keys import event_key
from intake.channels.options import CaseOptions, CaseState
from intake.domain.model import ContactState, Moment

CHANNELS_BY_ORIGIN: Final[Mapping[str, Channel]] = {
    "phone": "call",
    "email": "email",
    "chat": "chat",
}


@dataclass(frozen=True, slots=True)
class CaseUpdate:
    """A picture of a case; None where it says nothing.

    `ended_at` is when the case was closed, if the system says it. It says that a case is closed
    whenever anything about it changes; the customer may have written meanwhile.
    """

    event_id: str
    event_type: str
    contact: ExternalContact
    moment: Moment | None
    state: CaseState | None
    priority: Priority | None
    is_new: bool = False
    is_escalated: bool = False
    ended_at: Moment | None = None
    system: str = ""


def case_events(update: CaseUpdate) -> list[ChannelEvent]:
    """Return the events of one picture: each has an id of its own."""
    events = [*_events(update)]
    return events or [UnrelatedUpdate(**_fields(update, "seen"))]


def contact_state(state: CaseState | None, options: CaseOptions) -> ContactState:
    """Return what a contact is that is first seen in this state."""
    match state:
        case "on_hold":
            return "open" if options.on_hold == "runs" else "waiting_on_customer"
        case None:
            return "open"
        case _:
            return state


def missing_details(update: CaseUpdate, fields: str) -> list[ChannelEvent]:
    """Return the events of a case of which the system left out fields: nobody shall overlook it."""
    note = f"{update.system} left out {fields}. Open the case in {update.system}."
    return [
        ContactOpened(**_fields(update, "case")),
        RepresentativeMessageAdded(
            **_fields(update, "missing"), text=note, automatic=True, internal=True
        ),
    ]


def details_note(update: CaseUpdate) -> ChannelEvent:
    """Return the note of a case that was read when its contact was there already."""
    contact = update.contact
    name = contact.customer.name or contact.customer.customer_id
    note = f"Read in {update.system}: {contact.subject}. Customer: {name}."
    return RepresentativeMessageAdded(
        **_fields(update, "read"), text=note, automatic=True, internal=True
    )


def _events(update: CaseUpdate) -> Iterator[ChannelEvent]:
    if update.is_new or update.contact.first_message is not None:
        yield ContactOpened(**_fields(update, "case"))
    if update.state is not None:
        yield _state_event(update, update.state)
    if update.priority is not None:
        fields = _fields(update, "priority")
        reason = f"as {update.system} says"
        yield PriorityChanged(**fields, priority=update.priority, reason=reason)
    if update.is_escalated:
        # Each later picture says it again.
        fields = _fields(update, "escalated") | {
            "event_id": event_key(update.contact.ref, "escalated"),
            "event_type": "escalated",
        }
        yield SupervisorRequested(**fields, quote=f"The case was escalated in {update.system}.")


def _state_event(update: CaseUpdate, state: CaseState) -> ChannelEvent:
    fields = _fields(update, "state")
    match state:
        case "open":
            return ContactSetOpen(**fields, reason=f"open in {update.system}")
        case "on_hold" if update.contact.state == "waiting_on_customer":
            return ContactSetPending(**fields)
        case "on_hold":
            return ContactSetOpen(**fields, reason=f"on hold in {update.system}", on_hold=True)
        case "waiting_on_customer":
            return ContactSetPending(**fields)
        case "resolved":
            moment = update.ended_at or update.moment
            return ContactSolved(**(fields | {"moment": moment}), note=f"closed in {update.system}")
        case "discarded":
            return ContactDiscarded(**fields, cause="deleted")


def _fields(update: CaseUpdate, part: str) -> dict[str, Any]:
    return {
        "event_id": event_key(update.event_id, part),
        "event_type": f"{update.event_type} {part}",
        "contact": update.contact,
        "moment": update.moment,
    }
