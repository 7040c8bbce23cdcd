"""The SQL of complaints."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from common.contracts.event import ComplaintId, ContactId, PersonId
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from escalation import tables
from escalation.domain.complaint_model import Complaint, ComplaintState
from escalation.domain.complaints import ComplaintReader


@dataclass(frozen=True, slots=True)
class ComplaintKey:
    """The sort values of the last complaint of a page."""

    raised_at: datetime
    complaint_id: ComplaintId


class Complaints(LockedTable[ComplaintId, Complaint]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.complaints, Complaint)

    async def of_contact(self, contact_id: ContactId) -> tuple[Complaint, ...]:
        """Return all complaints of the contact, which the caller has locked."""
        self.adopt(await self.connection.execute(_OF_CONTACT, {"contact": contact_id}))
        return tuple(complaint for complaint in self.loaded() if complaint.contact_id == contact_id)

    def save(self, complaint: Complaint) -> None:
        """Write a complaint that was locked, or is new."""
        if complaint.complaint_id not in self._rows:
            self.mark_absent(complaint.complaint_id)
        self.put(complaint)

    async def times_of(self, by: PersonId, since: datetime) -> list[datetime]:
        """Return when the person has complained since then, the last one first.

        Other complaints of the person wait until this transaction ends.
        """
        await self.connection.execute(_LOCK_AUTHOR, {"by": by})
        rows = await self.connection.execute(_TIMES, {"by": by, "since": since})
        return list(rows.scalars())

    async def page(
        self,
        reader: ComplaintReader,
        states: Iterable[ComplaintState],
        contact_id: ContactId | None,
        after: ComplaintKey | None,
        limit: int,
    ) -> list[Complaint]:
        """Return one page of what the reader wrote or may judge, the newest first."""
        rows = await self.connection.execute(
            _PAGE.limit(limit),
            {
                "reader": reader.person,
                "all": reader.judges_all,
                "own": reader.judges_own,
                "others": reader.judges_others,
                "states": list(states),
                "contact": contact_id,
                "after_at": after.raised_at if after else None,
                "after_id": after.complaint_id if after else None,
            },
        )
        return [self.read(dict(row)) for row in rows]


_OF_CONTACT = (
    tables.complaints.select()
    .where(text("contact_id = CAST(:contact AS uuid)"))
    .order_by(tables.complaints.c.complaint_id)
    .with_for_update()
)
# No row lock: who has never complained has no row.
_LOCK_AUTHOR = text("""
    SELECT pg_advisory_xact_lock(lock_key('complaints ' || CAST(:by AS text)))
""")
_TIMES = text("""
    SELECT raised_at FROM complaints WHERE by = :by AND raised_at > :since
    ORDER BY raised_at DESC
""")
_PAGE = (
    tables.complaints.select()
    .where(
        text("""
        state = ANY(CAST(:states AS text[]))
        AND (CAST(:contact AS uuid) IS NULL OR contact_id = CAST(:contact AS uuid))
        AND (CAST(:after_id AS uuid) IS NULL OR (raised_at, complaint_id)
             < (CAST(:after_at AS timestamptz), CAST(:after_id AS uuid)))
        AND (by = :reader OR (
            (:all OR (:own AND judges ? CAST(:reader AS text)) OR (:others AND judges = '[]'))
            AND NOT EXISTS (
                SELECT FROM complaints AS named
                WHERE named.contact_id = complaints.contact_id AND named.about = :reader
                  AND (named.state IN ('open', 'upheld')
                       OR named.complaint_id = complaints.complaint_id))))
        """)
    )
    .order_by(text("raised_at DESC, complaint_id DESC"))
)
