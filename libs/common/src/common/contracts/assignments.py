"""Facts about who has a contact, owned by `router`."""

from pydantic import AwareDatetime

from common.contracts.event import Event, PersonId, TeamId


class AssignmentsEvent(Event):
    topic = "assignments"


class ContactQueued(AssignmentsEvent):
    """Nobody fitting was free, or the contact came back; `queue` names what it needs."""

    queue: str
    reason: str


class ContactOffered(AssignmentsEvent):
    representative_id: PersonId
    expires_at: AwareDatetime


class OfferDeclined(AssignmentsEvent):
    representative_id: PersonId
    reason: str


class OfferExpired(AssignmentsEvent):
    representative_id: PersonId


class ContactAssigned(AssignmentsEvent):
    """`because` is the routing decision in words; `relaxed` names needs that were dropped."""

    representative_id: PersonId
    team_id: TeamId
    reason: str
    relaxed: tuple[str, ...] = ()


class ContactReferred(AssignmentsEvent):
    """The representative asks a supervisor to take it; the assignment stays until one does."""

    representative_id: PersonId
    reason: str


class AssignmentReleased(AssignmentsEvent):
    representative_id: PersonId
    reason: str


class AssignmentCompleted(AssignmentsEvent):
    representative_id: PersonId | None = None


EVENTS: tuple[type[Event], ...] = (
    ContactQueued,
    ContactOffered,
    OfferDeclined,
    OfferExpired,
    ContactAssigned,
    ContactReferred,
    AssignmentReleased,
    AssignmentCompleted,
)
