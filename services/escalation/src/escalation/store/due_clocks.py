"""The SQL of clocks that are about to breach, by their timers. It locks and changes nothing.

A contact's timer is due at the next threshold of any of its clocks, so no clock breaches before it.
The timers until a time are those of all contacts with a clock that breaches until then, and more.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import TextClause, text

from common.storage.connection import Connection
from escalation.domain.queries import ClockFilter, DueClock
from escalation.domain.settings.people import SupervisorScope
from escalation.domain.timers import ClockDue
from escalation.domain.visibility import Viewer
from escalation.store.escalations import CONCERNS_VIEWER
from escalation.store.scopes import CONTACT_IS_IN_SCOPE, parameters_of


class DueClocks:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(
        self,
        query: ClockFilter,
        due_before: datetime,
        after: DueClock | None,
        limit: int,
        viewer: Viewer,
        scope: SupervisorScope | None,
    ) -> list[DueClock]:
        """Return one page of what breaches before then, the earliest first.

        `scope` is the viewer's: see `Viewer.scope_in`.
        """
        values = query.values
        conditions = [_FILTERS[name] for name in values]
        if scope is not None:
            conditions.append(_IS_IN_SCOPE)
            values |= {"viewer": viewer.person, **parameters_of(scope)}
        if after is not None:
            conditions.append(_IS_AFTER)
            values |= {
                "after_due_at": after.due_at,
                "after_contact": after.contact_id,
                "after_clock": after.clock,
            }
        rows = await self._connection.execute(
            _statement(conditions), {**values, "due_before": due_before, "limit": limit}
        )
        return [DueClock(row.contact_id, row.clock, row.due_at) for row in rows]


# The deadline is the threshold that raises at the whole target. One that has fired is breached.
_DUE: Final = f"""
    SELECT CAST(c.contact_id AS text) AS contact_id, deadline.clock, deadline.due_at
    FROM timers t JOIN tracked_contacts c ON c.contact_id = t.contact_id
    CROSS JOIN LATERAL (
        SELECT running, running->>'name' AS clock, CAST(
            jsonb_path_query_first(running, '$.thresholds[*] ? (
                @.percent == 100 && !(@.offset_s != null) && !(@.fired_at != null)
                && !(@.action != "raise"))')->>'due_at' AS timestamptz) AS due_at
        FROM jsonb_path_query(CAST(c.clocks AS jsonb), '$[*] ?
            (!(@.met_at != null || @.cancelled_at != null || @.paused_at != null))') AS running
    ) AS deadline
    WHERE t.type = '{ClockDue.type}' AND t.due_at < :due_before AND deadline.due_at < :due_before
"""
_ORDER: Final = "ORDER BY deadline.due_at, c.contact_id, deadline.clock LIMIT :limit"


def _statement(conditions: list[str]) -> TextClause:
    return text(" AND ".join((_DUE, *conditions)) + _ORDER)


_IS_AFTER: Final = """
    (deadline.due_at, c.contact_id, deadline.clock)
    > (:after_due_at, CAST(:after_contact AS uuid), CAST(:after_clock AS text))
"""
# EXISTS might read all escalations.
_IS_IN_SCOPE: Final = f"""
    ({CONTACT_IS_IN_SCOPE.format("c")} OR (
        SELECT bool_or({CONCERNS_VIEWER}) FROM escalations
        WHERE escalations.contact_id = c.contact_id))
"""
_DETAILS: Final = ("channel", "topic", "language", "priority", "tier")
_FILTERS: Final = {
    "clock": "deadline.clock = ANY(CAST(:clock AS text[]))",
    "policy": "running->'policy'->>'id' = ANY(CAST(:policy AS text[]))",
    "team": "c.team_id = ANY(CAST(:team AS text[]))",
    "representative": "c.representative_id = ANY(CAST(:representative AS text[]))",
    **{field: f"c.details->>'{field}' = ANY(CAST(:{field} AS text[]))" for field in _DETAILS},
}
