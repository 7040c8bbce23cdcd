"""The events that services agree through: one file per owner, additive changes only."""

from common.contracts import (
    assignments,
    clocks,
    complaints,
    connection_pages,
    contacts,
    escalations,
    notifications,
    people,
    statuses,
)
from common.contracts.event import Event
from common.contracts.services import TOPIC_OWNERS

EVENTS: tuple[type[Event], ...] = (
    *contacts.EVENTS,
    *assignments.EVENTS,
    *clocks.EVENTS,
    *escalations.EVENTS,
    *complaints.EVENTS,
    *connection_pages.EVENTS,
    *notifications.EVENTS,
    *people.EVENTS,
    *statuses.EVENTS,
)
BY_TYPE: dict[str, type[Event]] = {event.type: event for event in EVENTS}
TOPICS = tuple(TOPIC_OWNERS)
