"""All SQL of what screens read: it locks nothing and changes nothing."""

from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import TextClause, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from escalation import tables
from escalation.domain.lateness import TOLERATED_MS, Lateness
from escalation.domain.model import OPEN_STATES, Escalation
from escalation.domain.queries import Place, Sort, Wanted

_ESCALATION: TypeAdapter[Escalation] = TypeAdapter(Escalation)


class Reading:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def escalations(
        self, wanted: Wanted, at: datetime, after: Place | None, limit: int
    ) -> list[Escalation]:
        """Return the next ones, as sorted; those whose time ran out by `at` are overdue."""
        asked = {name: value for name, value in wanted if name in _LISTED and value is not None}
        conditions = [_LISTED[name] for name in asked]
        if set(wanted.state) <= set(OPEN_STATES):
            conditions.append(text(tables.IS_OPEN))
        order, following = _SORTS[wanted.sort]
        if after is not None:
            conditions.append(following)
            asked |= {
                "severity_there": after.severity,
                "deadline": after.deadline,
                "raised_at": after.raised_at,
                "escalation": after.escalation_id,
            }
        query = select(tables.escalations).where(*conditions).order_by(order).limit(limit)
        rows = await self._connection.execute(query, {**asked, "at": at})
        return [_ESCALATION.validate_python(dict(row)) for row in rows.mappings()]

    async def lateness(
        self, since: datetime, until: datetime, policy: str | None
    ) -> list[Lateness]:
        rows = await self._connection.execute(
            _LATENESS, {"since": since, "until": until, "policy": policy}
        )
        return [Lateness(**row) for row in rows.mappings()]


def _of_contact(column: str, name: str) -> TextClause:
    """Look at the contact of each escalation: a join might read those of all that are closed."""
    return text(f"""
        (SELECT {column} FROM watches WHERE watches.contact_id = escalations.contact_id)
        = ANY(CAST(:{name} AS text[]))
    """)


_RUNS_OUT = "coalesce(deadline, 'infinity')"
_RAN_OUT = "coalesce(CAST(:deadline AS timestamptz), 'infinity')"
_RANK = "array_position(ARRAY['critical', 'high', 'medium', 'low'], {})"
_SORTS: dict[Sort, tuple[TextClause, TextClause]] = {
    "time_left": (
        text(f"{_RUNS_OUT}, escalation_id"),
        text(f"({_RUNS_OUT}, escalation_id) > ({_RAN_OUT}, CAST(:escalation AS uuid))"),
    ),
    "severity": (
        text(f"{_RANK.format('severity')}, {_RUNS_OUT}, escalation_id"),
        text(f"""
            ({_RANK.format("severity")}, {_RUNS_OUT}, escalation_id)
            > ({_RANK.format("CAST(:severity_there AS text)")}, {_RAN_OUT},
               CAST(:escalation AS uuid))
        """),
    ),
    "newest": (
        text("raised_at DESC, escalation_id DESC"),
        text("(raised_at, escalation_id) < (:raised_at, CAST(:escalation AS uuid))"),
    ),
}
_LISTED: dict[str, TextClause] = {
    "state": text("state = ANY(CAST(:state AS text[]))"),
    "person": text("(holder = :person OR awaited @> to_jsonb(CAST(:person AS text)))"),
    "severity": text("severity = ANY(CAST(:severity AS text[]))"),
    "level": text("""
        (CAST(level AS text) = ANY(CAST(:level AS text[]))
         OR coalesce(ladder->'body'->'levels'->level->>'name', 'nobody')
            = ANY(CAST(:level AS text[])))
    """),
    "cause": text("""
        EXISTS (SELECT FROM jsonb_array_elements(reasons) AS reason
                WHERE reason->>'cause' = ANY(CAST(:cause AS text[])))
    """),
    "channel": _of_contact("contact->>'channel'", "channel"),
    "topic": _of_contact("contact->>'topic'", "topic"),
    "tier": _of_contact("contact->>'tier'", "tier"),
    "team": _of_contact("team_id", "team"),
    "representative": _of_contact("representative_id", "representative"),
    "ladder": text("ladder->>'id' = ANY(CAST(:ladder AS text[]))"),
    "overdue": text("(coalesce(deadline, 'infinity') < :at) = :overdue"),
    "alarm": text("(alarm_since IS NOT NULL) = :alarm"),
    "contact_id": text("contact_id = CAST(:contact_id AS uuid)"),
}
# The types as the index has them.
_LATENESS = text(f"""
    SELECT policy, kind, count(*) AS count,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY lateness_ms) AS p50_ms,
           percentile_disc(0.99) WITHIN GROUP (ORDER BY lateness_ms) AS p99_ms,
           max(lateness_ms) AS max_ms,
           count(*) FILTER (WHERE lateness_ms > {TOLERATED_MS}) AS over_50_ms
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
    ) AS noticed
    WHERE kind IS NOT NULL AND lateness_ms IS NOT NULL
        AND (CAST(:policy AS text) IS NULL OR policy = :policy)
    GROUP BY policy, kind ORDER BY policy NULLS LAST, kind
""")
