"""Events about who has a contact, owned by `router`."""

from typing import Literal

from common.contracts.contract import Instant
from common.contracts.event import ContactEvent, Event, PersonId, TeamId

ReleaseKind = Literal["returned", "transferred", "taken_over", "abandoned", "unavailable"]


class AssignmentsEvent(ContactEvent):
    topic = "assignments"


class ContactQueued(AssignmentsEvent):
    """No representative who fits was free. `queue` is `<skill>/<language>`."""

    queue: str
    reason: str


class ContactUnserved(AssignmentsEvent):
    """A warning: no active representative has the skill and the language of `queue`.

    The contact waits in `fallback_queue`; None if nobody serves that either, so that it waits in
    its own queue. It returns to its own queue as soon as somebody serves that.
    """

    queue: str
    fallback_queue: str | None = None


class ContactOffered(AssignmentsEvent):
    representative_id: PersonId
    expires_at: Instant


class OfferDeclined(AssignmentsEvent):
    representative_id: PersonId
    reason: str


class OfferExpired(AssignmentsEvent):
    representative_id: PersonId


class ContactAssigned(AssignmentsEvent):
    """`reason` is the routing decision in words.

    `waiting_since` is when the wait for a representative last began, `offered_at` when the contact
    was offered; None if it was assigned without an offer.
    """

    representative_id: PersonId
    team_id: TeamId
    reason: str
    queue: str | None = None
    waiting_since: Instant | None = None
    offered_at: Instant | None = None


class ContactReferred(AssignmentsEvent):
    """The representative asks a supervisor to take the contact, and keeps it until one does."""

    representative_id: PersonId
    reason: str


class AssignmentReleased(AssignmentsEvent):
    """The representative has the contact, or its offer, no longer.

    `kind` says who ended it: the representative (`returned`), a supervisor who moved the contact to
    another representative (`transferred`) or took it (`taken_over`), the customer (`abandoned`), or
    nobody: the representative can't have it any more (`unavailable`): offline, inactive, without
    the skill.
    """

    representative_id: PersonId
    kind: ReleaseKind
    reason: str


class AssignmentCompleted(AssignmentsEvent):
    """The contact was resolved; `representative_id` is None if nobody had it."""

    representative_id: PersonId | None = None


EVENTS: tuple[type[Event], ...] = (
    ContactQueued,
    ContactUnserved,
    ContactOffered,
    OfferDeclined,
    OfferExpired,
    ContactAssigned,
    ContactReferred,
    AssignmentReleased,
    AssignmentCompleted,
)
