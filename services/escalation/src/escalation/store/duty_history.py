"""The SQL of who was on duty: the versions of changes and absences at each moment."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from common.contracts.event import PersonId
from common.storage.connection import Connection
from escalation.domain.duty.rosters import DutyChanges
from escalation.domain.duty_history import DutyHistory, history_of
from escalation.domain.settings.people import Person, PersonAbsences
from escalation.domain.settings.registry import Configuration

_CHANGES: TypeAdapter[DutyChanges] = TypeAdapter(DutyChanges)
_PERSON: TypeAdapter[Person] = TypeAdapter(Person)
_ABSENCES: TypeAdapter[PersonAbsences] = TypeAdapter(PersonAbsences)


class DutyHistories:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of_schedule(
        self, schedule_id: str, since: datetime, configuration: Configuration
    ) -> DutyHistory:
        """Return what is known of the schedule from `since` on; the last plan is the one in force.

        Versions of schedules are all in the configuration, those of archived ones too.
        """
        roster = configuration.roster(schedule_id)
        changes = await self._versions("duty-changes", (schedule_id,), since)
        bodies = [(row.at, _CHANGES.validate_python(row.body)) for row in changes]
        people = roster.people.union(*(body.people for _, body in bodies))
        absences = await self._absences(people, since)
        stand_ins = (each for _, _, body in absences for each in body.stand_ins)
        persons = await self._versions("people", people.union(stand_ins), since)
        return history_of(
            roster.versions,
            bodies,
            [(row.at, PersonId(row.id), _PERSON.validate_python(row.body)) for row in persons],
            absences,
        )

    async def _absences(
        self, people: Collection[PersonId], since: datetime
    ) -> list[tuple[datetime, PersonId, PersonAbsences]]:
        """Return those of the people, of their stand-ins, of theirs, and so on."""
        versions: list[tuple[datetime, PersonId, PersonAbsences]] = []
        read: set[PersonId] = set()
        while unread := set(people) - read:
            read |= unread
            rows = await self._versions("absences", unread, since)
            bodies = [
                (row.at, PersonId(row.id), _ABSENCES.validate_python(row.body)) for row in rows
            ]
            versions += bodies
            people = {person for _, _, body in bodies for person in body.stand_ins}
        return versions

    async def _versions(self, kind: str, ids: Collection[str], since: datetime) -> Sequence[Any]:
        """Return the newest version of each setting at `since`, and all later ones, in order."""
        values = {"kind": kind, "ids": sorted(ids), "since": since}
        return await self._connection.execute(_VERSIONS, values)


_VERSIONS = text("""
    SELECT id, body, at FROM setting_versions AS setting
    WHERE kind = :kind AND id = ANY(CAST(:ids AS text[])) AND (
        at > :since OR version = (
            SELECT max(version) FROM setting_versions AS earlier
            WHERE earlier.kind = setting.kind AND earlier.id = setting.id AND earlier.at <= :since))
    ORDER BY version
""").columns(body=JSONB)
