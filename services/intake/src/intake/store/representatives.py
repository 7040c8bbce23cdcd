"""The SQL of who has a contact, or had it."""

from sqlalchemy import text

from common.contracts.event import ContactId, PersonId
from common.storage.bulk import to_arrays
from common.storage.connection import Connection
from intake.domain.assignments import SAME_NUMBERS, AssignmentChange
from intake.domain.errors import ContactNotFoundError
from intake.domain.model import ContactRepresentative

RepresentativeKey = tuple[ContactId, PersonId]


class ContactRepresentatives:
    """Who has or had a contact, by the events of the router; a known newer one stays."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._assigned: dict[RepresentativeKey, AssignmentChange] = {}
        self._released: dict[RepresentativeKey, AssignmentChange] = {}

    async def get(self, contact_id: ContactId, person_id: PersonId) -> ContactRepresentative | None:
        parameters = {"contact_id": contact_id, "person_id": person_id}
        rows = await self._connection.execute(_GET_REPRESENTATIVE, parameters)
        row = rows.first()
        return ContactRepresentative(**row) if row else None

    async def current(self, contact_id: ContactId) -> PersonId | None:
        """Return who has the contact now, if anybody does."""
        rows = await self._connection.execute(_CURRENT, {"contact_id": contact_id})
        return PersonId(rows[0].person_id) if rows else None

    def assign(self, change: AssignmentChange) -> None:
        """Record that this representative has the contact now, and no other."""
        _keep_newest(self._assigned, change)

    def release(self, change: AssignmentChange) -> None:
        """Record that the representative has the contact no longer, if they ever had it."""
        _keep_newest(self._released, change)

    async def flush(self) -> None:
        """Write all; raises ContactNotFoundError if a contact does not exist."""
        for statement, changes in ((_ASSIGN, self._assigned), (_RELEASE, self._released)):
            if changes:
                parameters = to_arrays(list(changes.values()))
                unknown = await self._connection.execute(statement, parameters)
                if unknown.first() is not None:
                    raise ContactNotFoundError
                changes.clear()


def _keep_newest(
    changes: dict[RepresentativeKey, AssignmentChange], change: AssignmentChange
) -> None:
    key = (change.contact_id, change.person_id)
    earlier = changes.get(key)
    if earlier is None or change.follows(earlier):
        changes[key] = change


def _follows(change: str, other: str) -> str:
    """Return SQL for `AssignmentChange.follows`."""
    near = f"interval '{SAME_NUMBERS.total_seconds()} seconds'"
    return f"""CASE WHEN {change}.at BETWEEN {other}.at - {near} AND {other}.at + {near}
        THEN {change}.sequence > {other}.sequence ELSE {change}.at > {other}.at END"""


_CHANGES = """
    WITH changes AS MATERIALIZED (
        SELECT change.*, contacts.contact_id IS NOT NULL AS is_known
        FROM unnest(
            CAST(:contact_id AS uuid[]), CAST(:person_id AS text[]),
            CAST(:sequence AS bigint[]), CAST(:at AS timestamptz[])
        ) AS change(contact_id, person_id, sequence, at) LEFT JOIN contacts USING (contact_id)
    )
"""
_UNKNOWN = "SELECT contact_id FROM changes WHERE NOT is_known LIMIT 1"
_ASSIGN = text(f"""
    {_CHANGES}, assigned AS (
        INSERT INTO contact_representatives AS known (contact_id, person_id, sequence, at)
        SELECT contact_id, person_id, sequence, at FROM changes WHERE is_known
        ORDER BY contact_id, person_id
        ON CONFLICT (contact_id, person_id) DO UPDATE
        SET sequence = excluded.sequence, at = excluded.at, is_released = false
        WHERE {_follows("excluded", "known")}
    )
    {_UNKNOWN}
""")
_RELEASE = text(f"""
    {_CHANGES}, released AS (
        UPDATE contact_representatives known SET is_released = true FROM changes
        WHERE known.contact_id = changes.contact_id AND known.person_id = changes.person_id
            AND {_follows("changes", "known")}
    )
    {_UNKNOWN}
""")
# Only the representative who got the contact last has it.
_GET_REPRESENTATIVE = text(f"""
    SELECT CAST(contact_id AS text) AS contact_id, person_id, NOT is_released AND NOT EXISTS (
        SELECT FROM contact_representatives other
        WHERE other.contact_id = known.contact_id AND {_follows("other", "known")}
    ) AS is_current
    FROM contact_representatives known WHERE contact_id = :contact_id AND person_id = :person_id
""")
_CURRENT = text(f"""
    SELECT person_id FROM contact_representatives known
    WHERE contact_id = :contact_id AND NOT is_released AND NOT EXISTS (
        SELECT FROM contact_representatives other
        WHERE other.contact_id = known.contact_id AND {_follows("other", "known")})
""")
