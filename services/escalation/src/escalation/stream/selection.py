"""Which events a stream has for its client: the same escalations as the list with its filters."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from common.contracts.event import EscalationId
from escalation.domain.listing import is_listed
from escalation.domain.queries import EscalationFilter
from escalation.domain.visibility import Viewer, is_concerned
from escalation.stream.records import StreamEvent
from escalation.stream.snapshots import Snapshot

# Tells a client to remove the escalation, if it shows it.
UNLISTED_TYPE = "upstairs.escalation_unlisted"
# More than a screen shows; an id that is forgotten is told once more.
_MAX_UNLISTED = 10_000

Refine = Callable[[StreamEvent, Snapshot], StreamEvent | None]


def refinement(query: EscalationFilter, viewer: Viewer) -> Refine | None:
    """Return what decides by the database; None if all events are for the viewer."""
    filters = query.values
    if filters.keys() <= {"contact_id"} and not viewer.is_scoped:
        return None
    return _Refinement(filters, viewer)


class _Refinement:
    """Passes the events of escalations that the list has now; of others it tells once.

    With filters of escalations the events of other clocks are left out. Each erasure passes, since
    the client may show words that it had when the contact was another team's.
    """

    def __init__(self, filters: Mapping[str, Any], viewer: Viewer) -> None:
        self._filters = filters
        self._viewer = viewer
        self._has_filters = not filters.keys() <= {"contact_id"}
        self._unlisted: dict[EscalationId, None] = {}

    def __call__(self, event: StreamEvent, snapshot: Snapshot) -> StreamEvent | None:
        if event.is_erasure:
            return event if self._sees_contact(event, snapshot) else _nameless(event)
        if event.escalation_id is None:
            return event if self._shows_clock(event, snapshot) else None
        if self._lists(event.escalation_id, snapshot):
            self._unlisted.pop(event.escalation_id, None)
            return event
        return self._leave_out(event.escalation_id, event)

    def _shows_clock(self, event: StreamEvent, snapshot: Snapshot) -> bool:
        return not self._has_filters and self._sees_contact(event, snapshot)

    def _sees_contact(self, event: StreamEvent, snapshot: Snapshot) -> bool:
        contact = snapshot.contacts.get(event.contact_id)
        if contact is None:
            return False
        if self._viewer.sees_contact(contact, snapshot.configuration):
            return True
        escalation = contact.escalation_id and snapshot.escalations.get(contact.escalation_id)
        return bool(escalation and is_concerned(self._viewer.person, escalation))

    def _lists(self, escalation_id: EscalationId, snapshot: Snapshot) -> bool:
        escalation = snapshot.escalations.get(escalation_id)
        contact = escalation and snapshot.contacts.get(escalation.contact_id)
        if not escalation or not contact:
            return False
        return is_listed(
            self._filters, self._viewer, escalation, contact, snapshot.configuration, snapshot.at
        )

    def _leave_out(self, escalation_id: EscalationId, event: StreamEvent) -> StreamEvent | None:
        if escalation_id in self._unlisted:
            return None
        self._unlisted[escalation_id] = None
        if len(self._unlisted) > _MAX_UNLISTED:
            del self._unlisted[next(iter(self._unlisted))]
        # The id alone: the viewer may not see the rest.
        data: dict[str, Any] = {"escalation_id": escalation_id}
        return StreamEvent(
            UNLISTED_TYPE, event.contact_id, escalation_id, orjson.dumps(data).decode()
        )


def _nameless(event: StreamEvent) -> StreamEvent:
    """Return it without the ids of a contact that the viewer may not see now."""
    content = orjson.loads(event.data) | {"contact_id": None, "sequence": None}
    return replace(event, data=orjson.dumps(content).decode())
