"""The SQL of lists and reports. It locks nothing and changes nothing."""

from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import TextClause, select, text

from common.storage.connection import Connection
from escalation import tables
from escalation.domain.listing import REVEALING_FILTERS
from escalation.domain.model import OPEN_STATES, Escalation
from escalation.domain.queries import (
    LATENESS_TOLERANCE_MS,
    EscalationQuery,
    Lateness,
    PageKey,
    Sort,
)
from escalation.domain.settings.people import SupervisorScope
from escalation.domain.visibility import Viewer
from escalation.store.escalations import CONCERNS_VIEWER
from escalation.store.scopes import CONTACT_IS_IN_SCOPE, parameters_of

_ESCALATION: TypeAdapter[Escalation] = TypeAdapter(Escalation)


class EscalationQueries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def escalations(
        self,
        query: EscalationQuery,
        at: datetime,
        after: PageKey | None,
        limit: int,
        viewer: Viewer,
        scope: SupervisorScope | None,
    ) -> list[Escalation]:
        """Return one page, in the query's order, of what the viewer may see: see `is_listed`.

        Overdue means a deadline before `at`. `scope` is the viewer's: see `Viewer.scope_in`.
        """
        values = query.values
        conditions = [_FILTERS[name] for name in values]
        if set(query.state) <= set(OPEN_STATES):
            conditions.append(text(tables.IS_OPEN))
        if viewer.is_representative:
            conditions.append(_IS_SEEN_BY)
            if values.keys() & REVEALING_FILTERS:
                conditions.append(_IS_NOT_NAMED)
            values["viewer"] = viewer.person
        elif scope is not None:
            conditions.append(_IS_IN_SCOPE)
            values |= {"viewer": viewer.person, **parameters_of(scope)}
        order, is_after = _SORTS[query.sort]
        if after is not None:
            conditions.append(is_after)
            values |= {
                "after_severity": after.severity,
                "after_deadline": after.deadline,
                "after_raised_at": after.raised_at,
                "after_id": after.escalation_id,
            }
        statement = select(tables.escalations).where(*conditions).order_by(order).limit(limit)
        rows = await self._connection.execute(statement, {**values, "at": at})
        return [_ESCALATION.validate_python(dict(row)) for row in rows]

    async def lateness(
        self, since: datetime, until: datetime, policy: str | None
    ) -> list[Lateness]:
        rows = await self._connection.execute(
            _LATENESS, {"since": since, "until": until, "policy": policy}
        )
        return [Lateness(**row) for row in rows]


def _of_contact(column: str, name: str) -> TextClause:
    """Filter by the contact; as a join it might read the contacts of closed escalations too."""
    return text(f"""
        (SELECT {column} FROM tracked_contacts
         WHERE tracked_contacts.contact_id = escalations.contact_id)
        = ANY(CAST(:{name} AS text[]))
    """)


# As `Viewer.sees` says for representatives.
_NOT_NAMED = """
    NOT complaints @> jsonb_build_array(jsonb_build_object('about', CAST(:viewer AS text)))
"""
_IS_SEEN_BY = text(f"""
    CASE WHEN {_NOT_NAMED} THEN
        participants @> to_jsonb(CAST(:viewer AS text)) OR EXISTS (
            SELECT FROM tracked_contacts AS seen
            WHERE seen.contact_id = escalations.contact_id
              AND seen.representatives @> to_jsonb(CAST(:viewer AS text)))
    ELSE causes @> jsonb_build_array(jsonb_build_object('by', CAST(:viewer AS text))) END
""")
_IS_NOT_NAMED = text(_NOT_NAMED)
# As `Viewer.sees` says for supervisors. EXISTS might read the contacts of closed ones too.
_IS_IN_SCOPE = text(f"""
    ({CONCERNS_VIEWER} OR (
        SELECT {CONTACT_IS_IN_SCOPE.format("seen")} FROM tracked_contacts AS seen
        WHERE seen.contact_id = escalations.contact_id))
""")
_DEADLINE = "coalesce(deadline, 'infinity')"
_AFTER_DEADLINE = "coalesce(CAST(:after_deadline AS timestamptz), 'infinity')"
_RANK = "array_position(ARRAY['critical', 'high', 'medium', 'low'], {})"
_SORTS: dict[Sort, tuple[TextClause, TextClause]] = {
    "time_left": (
        text(f"{_DEADLINE}, escalation_id"),
        text(f"({_DEADLINE}, escalation_id) > ({_AFTER_DEADLINE}, CAST(:after_id AS uuid))"),
    ),
    "severity": (
        text(f"{_RANK.format('severity')}, {_DEADLINE}, escalation_id"),
        text(f"""
            ({_RANK.format("severity")}, {_DEADLINE}, escalation_id)
            > ({_RANK.format("CAST(:after_severity AS text)")}, {_AFTER_DEADLINE},
               CAST(:after_id AS uuid))
        """),
    ),
    "newest": (
        text("raised_at DESC, escalation_id DESC"),
        text("(raised_at, escalation_id) < (:after_raised_at, CAST(:after_id AS uuid))"),
    ),
}
_FILTERS: dict[str, TextClause] = {
    "state": text("state = ANY(CAST(:state AS text[]))"),
    "person": text("(holder = :person OR awaited @> to_jsonb(CAST(:person AS text)))"),
    "severity": text("severity = ANY(CAST(:severity AS text[]))"),
    "level": text("""
        (CAST(level AS text) = ANY(CAST(:level AS text[]))
         OR coalesce(ladder->'body'->'levels'->level->>'name', 'nobody')
            = ANY(CAST(:level AS text[])))
    """),
    "cause": text("""
        EXISTS (SELECT FROM jsonb_array_elements(causes) AS cause
                WHERE cause->>'kind' = ANY(CAST(:cause AS text[])))
    """),
    "channel": _of_contact("details->>'channel'", "channel"),
    "topic": _of_contact("details->>'topic'", "topic"),
    "tier": _of_contact("details->>'tier'", "tier"),
    "team": _of_contact("team_id", "team"),
    "representative": _of_contact("representative_id", "representative"),
    "ladder": text("ladder->>'id' = ANY(CAST(:ladder AS text[]))"),
    "overdue": text("(coalesce(deadline, 'infinity') < :at) = :overdue"),
    "alarm": text("(alarm_since IS NOT NULL) = :alarm"),
    "contact_id": text("contact_id = CAST(:contact_id AS uuid)"),
}
# These types are the condition of the index `deadline_events`.
_LATENESS = text(f"""
    SELECT policy, kind, count(*) AS count,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY lateness_ms) AS p50_ms,
           percentile_disc(0.99) WITHIN GROUP (ORDER BY lateness_ms) AS p99_ms,
           max(lateness_ms) AS max_ms,
           count(*) FILTER (WHERE lateness_ms > {LATENESS_TOLERANCE_MS}) AS over_50_ms
    FROM (
        SELECT data->>'policy_id' AS policy,
               CASE type WHEN 'upstairs.escalation_returned.v1' THEN 'lease'
                         ELSE coalesce(data->>'clock', data->>'waited_for') END AS kind,
               CAST(data->>'lateness_ms' AS double precision) AS lateness_ms
        FROM published_events
        WHERE type IN (
            'upstairs.clock_warned.v1', 'upstairs.clock_breached.v1',
            'upstairs.escalation_climbed.v1', 'upstairs.escalation_unanswered.v1',
            'upstairs.escalation_returned.v1')
        AND at >= :since AND at < :until
    ) AS observed
    WHERE kind IS NOT NULL AND lateness_ms IS NOT NULL
        AND (CAST(:policy AS text) IS NULL OR policy = :policy)
    GROUP BY policy, kind ORDER BY policy NULLS LAST, kind
""")
