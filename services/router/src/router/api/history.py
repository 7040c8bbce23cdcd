"""The history of an assignment in words: one sentence an event."""

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
from common.contracts.event import Event

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


def sentence(event: Event) -> str:
    fields = {name: "nobody" if value is None else value for name, value in event}
    return _SENTENCES[type(event)].format(**fields)
