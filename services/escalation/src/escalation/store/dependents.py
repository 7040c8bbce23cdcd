"""The SQL of open work that depends on a setting, and of moving or releasing it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import to_builtins
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from common.messages import Timer
from common.storage.connection import Connection
from escalation.domain.change_reasons import Reason
from escalation.domain.timers import SettingArchived, SettingChanged
from escalation.tables import IS_OPEN


class OpenWork:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def count(self, kind: str, setting_id: str) -> int:
        """Count the contacts whose clocks or open escalation depend on the setting."""
        query = f"SELECT count(*) FROM ({_DEPENDENTS[kind]}) AS dependent"
        return int((await self._connection.execute(text(query), {"id": setting_id})).scalar_one())

    async def release(self, kind: str, setting_id: str, at: datetime) -> None:
        """Set a SettingArchived timer for each of these contacts."""
        data = {"kind": kind, "setting_id": setting_id}
        await self._set_timers(SettingArchived, data, _DEPENDENTS[kind], at, id=setting_id)

    async def retarget(self, at: datetime, reason: Reason) -> None:
        """Set a SettingChanged timer for each open contact.

        A contact that another transaction opens meanwhile gets the settings in force there.
        """
        data = {"reason": reason.text, "change_reason": to_builtins(reason.data)}
        await self._set_timers(SettingChanged, data, _OPEN, at)

    async def _set_timers(
        self, timer: type[Timer], data: dict[str, Any], contacts: str, at: datetime, **values: str
    ) -> None:
        """`contacts` is the query of the contacts, with `values`."""
        # 2 ms apart, so that timers of other contacts need not wait for all of these.
        query = text(f"""
            INSERT INTO timers (due_at, contact_id, slot, type, data)
            SELECT CAST(:at AS timestamptz) + row_number() OVER () * interval '2 milliseconds',
                   contact_id, :type, :type,
                   CAST(:data AS jsonb) || jsonb_build_object('contact_id', contact_id)
            FROM ({contacts}) AS affected
        """).bindparams(bindparam("data", type_=JSONB))
        await self._connection.execute(
            query, {**values, "at": at, "type": timer.type, "data": data}
        )


def _clocks_of(ref: str) -> str:
    """Contacts with a clock that has not ended and refers to the setting."""
    return f"""
        SELECT contact_id FROM tracked_contacts
        WHERE resolved_at IS NULL AND jsonb_path_exists(CAST(clocks AS jsonb),
            '$[*] ? (@.{ref}.id == $id
            && (!exists(@.met_at) || @.met_at == null)
            && (!exists(@.cancelled_at) || @.cancelled_at == null))',
            jsonb_build_object('id', CAST(:id AS text)))
    """


# Also those whose clocks have all ended: they escalate by the policy's ladder.
_CONTACTS_OF_POLICY = """
    SELECT contact_id FROM tracked_contacts
    WHERE resolved_at IS NULL AND jsonb_path_exists(
        CAST(clocks AS jsonb), '$[*] ? (@.policy.id == $id)',
        jsonb_build_object('id', CAST(:id AS text)))
"""


def _escalations_of(place: str) -> str:
    """Contacts with an open escalation whose version of its ladder refers to the setting."""
    return f"""
        SELECT contact_id FROM escalations WHERE {IS_OPEN} AND jsonb_path_exists(
            ladder, '$.{place} ? (@ == $id)', jsonb_build_object('id', CAST(:id AS text)))
    """


_OPEN = """
    SELECT contact_id FROM tracked_contacts WHERE resolved_at IS NULL AND opened_at IS NOT NULL
"""
_DEPENDENTS: Mapping[str, str] = {
    "sla-policies": _CONTACTS_OF_POLICY,
    "calendars": f"""
        {_clocks_of("calendar")} UNION {_escalations_of("body.levels[*].calendar_id")}
    """,
    "ladders": f"""
        {_OPEN} AND ladder_id = :id
        UNION {_escalations_of("id")}
    """,
    "duty-schedules": _escalations_of("body.levels[*].who[*].schedule_id"),
    "teams": _escalations_of("body.levels[*].who[*].team_id"),
}
