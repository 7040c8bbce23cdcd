"""The history of an assignment in words: one sentence an event."""

from msgspec import structs

from common.contracts.assignments import (
    AssignmentCompleted,
    AssignmentReleased,
    ContactAssigned,
    ContactOffered,
    ContactQueued,
    ContactReferred,
    ContactUnserved,
    OfferDeclined,
    OfferExpired,
)
from common.contracts.event import Event, PersonId

_SENTENCES: dict[type[Event], str] = {
    ContactUnserved: "No active representative takes {queue}; fallback: {fallback_queue}",
    ContactQueued: "Queued for {queue}: {reason}",
    ContactOffered: "Offered to {representative_id} until {expires_at:%H:%M:%S} UTC",
    OfferDeclined: "Declined by {representative_id}: {reason}",
    OfferExpired: "Not answered in time by {representative_id}",
    ContactAssigned: "Assigned to {reason}",
    ContactReferred: "Referred to a supervisor by {representative_id}: {reason}",
    AssignmentReleased: "Taken from {representative_id}: {reason}",
    AssignmentCompleted: "Completed while with {representative_id}",
}


# Their reasons are words of the representative, which colleagues do not read.
_OWN_WORDS = (OfferDeclined, ContactReferred, AssignmentReleased)


def sentence(event: Event, reader: PersonId | None = None) -> str:
    """Return what happened; a representative `reader` gets no reasons that colleagues gave."""
    fields = {
        name: "nobody" if value is None else value for name, value in structs.asdict(event).items()
    }
    form = _SENTENCES[type(event)]
    if reader and isinstance(event, _OWN_WORDS) and event.representative_id != reader:
        form = form.removesuffix(": {reason}")
    return form.format(**fields)
