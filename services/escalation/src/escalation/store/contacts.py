"""The SQL of tracked contacts and their clocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, text, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from common.contracts.contacts import ContactReceived
from common.contracts.decoding import from_data
from common.contracts.event import ContactId
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from escalation import tables
from escalation.domain.clocks.events import CLOCK_EVENTS, ClockEvent
from escalation.domain.errors import ContactNotFoundError
from escalation.domain.model import TrackedContact
from escalation.domain.settings.policies import RepeatRule


@dataclass(frozen=True, slots=True)
class ClockHistory:
    """A contact as stored, and the published events of its clocks in order."""

    contact: TrackedContact
    events: Sequence[ClockEvent]


class TrackedContacts(LockedTable[ContactId, TrackedContact]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.tracked_contacts, TrackedContact)

    async def lock_or_add(self, contact_ids: Sequence[ContactId]) -> str | None:
        """As `lock_with_revision`, and add those that are new, whichever topic mentions them first.

        If another transaction adds one meanwhile, this one fails at its end and is repeated. One
        replica has the same partition of all topics, so this is rare.
        """
        revision = await self.lock_with_revision(contact_ids)
        for contact_id in contact_ids:
            if self._rows[contact_id] is None:
                self.put(TrackedContact(contact_id))
        return revision

    async def lock_with_revision(self, contact_ids: Sequence[ContactId]) -> str | None:
        """Lock the contacts, and return the revision of the settings, read once they are locked.

        Who had a contact before may have moved it to newer settings.
        """
        missing = [contact_id for contact_id in contact_ids if contact_id not in self._rows]
        self._rows.update(dict.fromkeys(missing))
        rows = await self.connection.execute(_LOCK, {"contact_ids": missing})
        self.adopt(row for row in rows if row.contact_id)
        revision: str | None = rows[0].revision
        return revision

    def save(self, contact: TrackedContact) -> None:
        if self._rows[contact.contact_id] is not contact:
            self.put(contact)

    async def count_other_contacts(self, event: ContactReceived, rule: RepeatRule) -> int:
        """Count the customer's other contacts within the rule's days, before and after this one."""
        span = timedelta(days=rule.within_days)
        since, until = event.occurred_at - span, event.occurred_at + span
        topic = event.topic_of_contact if rule.same_topic else None
        customer = event.customer.customer_id
        # Contacts of the same batch are not written yet.
        loaded = list(self.loaded())
        stored = await self.connection.execute(
            _COUNT_OTHER_CONTACTS,
            {
                "customer": customer,
                "since": since,
                "until": until,
                "topic": topic,
                "loaded": [contact.contact_id for contact in loaded],
            },
        )
        in_batch = (
            tracked.contact_id != event.contact_id
            and tracked.customer_id == customer
            and tracked.opened_at is not None
            and since < tracked.opened_at < until
            and (topic is None or (tracked.details is not None and tracked.details.topic == topic))
            for tracked in loaded
        )
        return int(stored.scalar_one()) + sum(in_batch)

    async def clock_history(self, contact_id: ContactId) -> ClockHistory:
        """Return the contact and its latest clock events, read by one statement."""
        contacts = tables.tracked_contacts
        rows = await self.connection.execute(
            select(contacts, type_coerce(_CLOCK_EVENTS, JSONB).label("events")).where(
                contacts.c.contact_id == contact_id
            ),
            {"types": list(CLOCK_EVENTS), "limit": _MAX_CLOCK_EVENTS},
        )
        row = rows.first()
        if row is None:
            raise ContactNotFoundError
        stored = dict(row)
        published = stored.pop("events") or []
        events = [from_data(CLOCK_EVENTS[event["type"]], event["data"]) for event in published]
        return ClockHistory(self.read(stored), events)


_COLUMNS = ", ".join(column.name for column in tables.tracked_contacts.columns)
_LOCK = text(f"""
    WITH locked AS MATERIALIZED (
        SELECT {_COLUMNS} FROM tracked_contacts
        WHERE contact_id = ANY(CAST(:contact_ids AS uuid[])) ORDER BY contact_id FOR UPDATE
    )
    SELECT revision, locked.* FROM (
        SELECT newest_revision(count(*)) AS revision FROM locked
    ) AS settings LEFT JOIN locked ON true
""")
# A contact with more has had hundreds of messages.
_MAX_CLOCK_EVENTS = 1000
_CLOCK_EVENTS = text("""
    (SELECT jsonb_agg(jsonb_build_object('type', type, 'data', data) ORDER BY id)
     FROM (SELECT id, type, data FROM published_events
           WHERE key = CAST(tracked_contacts.contact_id AS text)
              AND type = ANY(CAST(:types AS text[]))
           ORDER BY id DESC LIMIT :limit) AS newest)
""")
_COUNT_OTHER_CONTACTS = text("""
    SELECT count(*) FROM tracked_contacts
    WHERE customer_id = :customer AND opened_at > :since AND opened_at < :until
      AND (CAST(:topic AS text) IS NULL OR details->>'topic' = CAST(:topic AS text))
      AND contact_id <> ALL(CAST(:loaded AS uuid[]))
""")
