"""The SQL of the timer check. It locks nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from common.contracts.decoding import from_data
from common.contracts.event import ContactId, PageId
from common.messages import Schedule
from common.storage.connection import Connection
from escalation.domain.model import Escalation, SlaClock
from escalation.domain.timer_check import TIMERS, TimerSnapshot
from escalation.domain.timers import (
    CLOCK_SLOT,
    ESCALATION_SLOT,
    WAIT_SLOT,
    WARNING_SLOT,
    AcknowledgementDue,
    ClockDue,
    LeaseExpires,
    LeaseWarningDue,
    WaitExpires,
)
from escalation.tables import IS_OPEN


class TimerSnapshots:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open_after(self, contact_id: ContactId, limit: int) -> list[ContactId]:
        """Return the next contacts, by id, that are open or have an open escalation."""
        rows = await self._connection.execute(_OPEN, {"after": contact_id, "limit": limit})
        return [ContactId(contact_id) for contact_id in rows.scalars()]

    async def incomplete(self, contact_ids: Sequence[ContactId]) -> list[ContactId]:
        """Return the contacts for which a timer that they need, as it must be, is not there.

        It looks for each timer of `expected_timers`, so that only these contacts must be read.
        """
        rows = await self._connection.execute(
            _INCOMPLETE, {"contacts": contact_ids, "types": list(TIMERS)}
        )
        return [ContactId(contact_id) for contact_id in rows.scalars()]

    async def snapshots(self, contact_ids: Sequence[ContactId]) -> list[TimerSnapshot]:
        """Return state and timers, read by one statement: as committed at one moment.

        State and timers change in one transaction, so one in flight shows neither change. A timer
        that fires is deleted in the transaction that changes the state; until it commits, both
        are visible as before.
        """
        rows = await self._connection.execute(_SNAPSHOTS, {"contacts": contact_ids})
        return [_snapshot(row) for row in rows]

    async def count_unanswered(self) -> int:
        """Count the open escalations whose whole ladder has gone unanswered."""
        return int((await self._connection.execute(_UNANSWERED)).scalar_one())

    async def is_reported(self, contact_id: ContactId, page_id: PageId) -> bool:
        reported = await self._connection.execute(
            _IS_REPORTED, {"contact": contact_id, "page": page_id}
        )
        return bool(reported.scalar_one())


_ESCALATION: TypeAdapter[Escalation | None] = TypeAdapter(Escalation | None)


def _snapshot(row: Mapping[Any, Any]) -> TimerSnapshot:
    timers = row["timers"]
    return TimerSnapshot(
        contact_id=row["contact_id"],
        clocks=msgspec.convert(row["clocks"], tuple[SlaClock, ...]),
        escalation=_ESCALATION.validate_python(row["escalation"]),
        timers=frozenset(_schedule(timer) for timer in timers if timer["type"] in TIMERS),
        wait_ends_at=row["wait_ends_at"],
        unknown_slots=frozenset(timer["slot"] for timer in timers if timer["type"] not in TIMERS),
    )


def _schedule(row: Mapping[str, Any]) -> Schedule:
    # Validated, so that a field added later gets its default in an old row.
    timer = from_data(TIMERS[row["type"]], row["data"])
    return Schedule(timer, datetime.fromisoformat(row["due_at"]))


# By key, so that its cost does not grow with the number of closed contacts.
_OPEN = text(f"""
    (SELECT contact_id FROM tracked_contacts
     WHERE resolved_at IS NULL AND contact_id > :after ORDER BY contact_id LIMIT :limit)
    UNION
    (SELECT contact_id FROM escalations
     WHERE {IS_OPEN} AND contact_id > :after
     ORDER BY contact_id LIMIT :limit)
    ORDER BY contact_id LIMIT :limit
""")
_SNAPSHOTS = text(f"""
    SELECT CAST(c.contact_id AS text), c.clocks, c.wait_ends_at,
    to_jsonb(e) AS escalation, coalesce((
        SELECT jsonb_agg(to_jsonb(timers))
        FROM timers WHERE timers.contact_id = c.contact_id
    ), '[]') AS timers
    FROM tracked_contacts c LEFT JOIN escalations e ON e.contact_id = c.contact_id
        AND e.{IS_OPEN}
    WHERE c.contact_id = ANY(CAST(:contacts AS uuid[])) ORDER BY c.contact_id
""").columns(clocks=JSONB, escalation=JSONB, timers=JSONB)
# `!= null` is false for a value that is null or missing.
_INCOMPLETE = text(f"""
    SELECT c.contact_id
    FROM tracked_contacts c LEFT JOIN escalations e ON e.contact_id = c.contact_id
        AND e.{IS_OPEN}
    WHERE c.contact_id = ANY(CAST(:contacts AS uuid[])) AND EXISTS (
        SELECT FROM (
            SELECT '{WAIT_SLOT}' AS slot, '{WaitExpires.type}' AS type, c.wait_ends_at AS due_at,
                jsonb_build_object() AS data
            WHERE c.wait_ends_at IS NOT NULL
            UNION ALL
            -- NULL, which no timer is due at, if a clock can't be read: it has no thresholds.
            SELECT '{CLOCK_SLOT}', '{ClockDue.type}', CASE WHEN bool_and(threshold IS NOT NULL)
                THEN min(CAST(threshold->>'due_at' AS timestamptz)) END, jsonb_build_object()
            FROM jsonb_path_query(CAST(c.clocks AS jsonb), '$[*] ?
                    (!(@.met_at != null || @.cancelled_at != null || @.paused_at != null))')
                    AS clock
                CROSS JOIN LATERAL jsonb_path_query_first(clock,
                    '$.thresholds[*] ? (!(@.fired_at != null))') AS threshold
            WHERE threshold IS NOT NULL OR clock->'thresholds' IS NULL
            HAVING count(*) > 0
            UNION ALL
            SELECT '{ESCALATION_SLOT}', '{AcknowledgementDue.type}',
                coalesce(e.deadline, e.raised_at), jsonb_build_object(
                    'escalation_id', e.escalation_id, 'level', e.level, 'round', e.round)
            WHERE e.state IN ('raised', 'approval_asked')
            UNION ALL
            SELECT '{ESCALATION_SLOT}', '{LeaseExpires.type}', coalesce(e.deadline, e.raised_at),
                jsonb_build_object('escalation_id', e.escalation_id, 'lease_no', e.lease_no)
            WHERE e.state IN ('acknowledged', 'taken_over')
            UNION ALL
            SELECT '{WARNING_SLOT}', '{LeaseWarningDue.type}',
                CAST(e.lease->>'warn_at' AS timestamptz),
                jsonb_build_object('escalation_id', e.escalation_id, 'lease_no', e.lease_no)
            WHERE e.lease->>'warn_at' IS NOT NULL
        ) AS expected
        WHERE NOT EXISTS (
            SELECT FROM timers
            WHERE timers.contact_id = c.contact_id AND timers.slot = expected.slot AND (
                timers.type <> ALL(CAST(:types AS text[]))
                OR timers.type = expected.type AND timers.due_at = expected.due_at
                    AND timers.data @>
                        (jsonb_build_object('contact_id', c.contact_id) || expected.data))
        )
    )
""")
_IS_REPORTED = text("""
    SELECT EXISTS (SELECT FROM published_events WHERE key = :contact
        AND type = 'upstairs.timer_missing.v1' AND data->>'page_id' = :page)
""")
_UNANSWERED = text(
    "SELECT count(*) FROM escalations WHERE alarm_since IS NOT NULL AND closed_at IS NULL"
)
