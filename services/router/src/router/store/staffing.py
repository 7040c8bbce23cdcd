"""Queries about who works on what, and how many could take more. They lock nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from common.contracts.event import ContactId, PersonId, TeamId
from common.storage.connection import Connection


@dataclass(frozen=True, slots=True)
class HeldContact:
    """A contact that is assigned to a representative since then."""

    contact_id: ContactId
    since: datetime


@dataclass(frozen=True, slots=True)
class TeamStaffing:
    """The active representatives of a team. `free_slots` are those of who is available."""

    team_id: TeamId
    available: int
    away: int
    offline: int
    load: int
    capacity: int
    free_slots: int


@dataclass(frozen=True, slots=True)
class WaitingContacts:
    """The contacts of all queues."""

    waiting: int
    oldest_waiting_s: float | None


class Staffing:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def longest_contacts(
        self, representative_ids: Collection[PersonId]
    ) -> dict[PersonId, HeldContact]:
        """Return of each the contact that has been assigned longest."""
        rows = await self._connection.execute(_LONGEST, {"ids": list(representative_ids)})
        return {
            PersonId(row.representative_id): HeldContact(ContactId(row.contact_id), row.since)
            for row in rows
        }

    async def missed_offers(
        self, representative_ids: Collection[PersonId], since: datetime
    ) -> dict[PersonId, int]:
        """Count the offers that each has let expire since then; who has none is not there."""
        values = {"ids": list(representative_ids), "since": since}
        rows = await self._connection.execute(_MISSED, values)
        return {PersonId(row.representative_id): row.missed for row in rows}

    async def teams(self) -> list[TeamStaffing]:
        return [TeamStaffing(**row) for row in await self._connection.execute(_TEAMS)]

    async def waiting(self, at: datetime) -> WaitingContacts:
        rows = await self._connection.execute(_WAITING, {"at": at})
        return WaitingContacts(**rows[0])


_LONGEST = text("""
    SELECT DISTINCT ON (representative_id)
        representative_id, CAST(contact_id AS text) AS contact_id, since
    FROM assignments
    WHERE representative_id = ANY(CAST(:ids AS text[])) AND state = 'assigned'
    ORDER BY representative_id, since, contact_id
""")
# The type is the condition of the index `expired_offers`.
_MISSED = text("""
    SELECT data->>'representative_id' AS representative_id, count(*) AS missed
    FROM published_events
    WHERE type = 'upstairs.offer_expired.v1' AND at >= :since
      AND data->>'representative_id' = ANY(CAST(:ids AS text[]))
    GROUP BY 1
""")
_TEAMS = text("""
    SELECT team_id,
        count(*) FILTER (WHERE presence = 'available') AS available,
        count(*) FILTER (WHERE presence = 'away') AS away,
        count(*) FILTER (WHERE presence = 'offline') AS offline,
        sum(load) AS load, sum(capacity) AS capacity,
        coalesce(sum(greatest(capacity - load, 0)) FILTER (WHERE presence = 'available'), 0)
            AS free_slots
    FROM representatives WHERE active GROUP BY team_id ORDER BY team_id
""")
_WAITING = text("""
    SELECT count(*) AS waiting,
        CAST(extract(epoch FROM :at - min(waiting_since)) AS float) AS oldest_waiting_s
    FROM assignments WHERE state = 'queued'
""")
