"""How late clocks breach while very many others wait."""

import asyncpg

from bench import traffic
from bench.ground import Ground, posts
from bench.summary import Figures, quantiles_ms
from common.contracts.clocks import ClockBreached, ClockMet

# Each copy is what escalation itself wrote for a real contact, but a day or two later: so do its
# clocks say, since the audit compares them with its timers.
_COPY_WATCHES = """
    WITH copies AS MATERIALIZED (
        SELECT uuidv7() AS copy, (1 + random()) * interval '1 day' AS later
        FROM generate_series(1, $2::integer)
    ), watched AS (
        INSERT INTO escalation.tracked_contacts
        SELECT (jsonb_populate_record(w, jsonb_build_object('contact_id', copy, 'clocks', (
            SELECT jsonb_agg(jsonb_set(clock, '{thresholds}', (
                SELECT jsonb_agg(jsonb_set(
                    one, '{due_at}', to_jsonb((one->>'due_at')::timestamptz + later)))
                FROM jsonb_array_elements(clock->'thresholds') AS one)))
            FROM jsonb_array_elements(w.clocks) AS clock)))).*
        FROM escalation.tracked_contacts w, copies WHERE w.contact_id = $1::uuid
    )
    INSERT INTO escalation.timers (due_at, contact_id, slot, type, traceparent, data)
    SELECT due_at + later, copy, slot, type, traceparent,
           jsonb_set(data, '{contact_id}', to_jsonb(copy))
    FROM escalation.timers t, copies WHERE t.contact_id = $1::uuid
"""
_COUNT = "SELECT count(*) FROM escalation.timers"


async def fill(dsn: str, pending: int, contact_id: str) -> int:
    """Copy the contact's watch and its timers until `pending` wait; return how many do."""
    connection = await asyncpg.connect(dsn)
    try:
        own = await connection.fetchval(
            "SELECT count(*) FROM escalation.timers WHERE contact_id = $1::uuid", contact_id
        )
        missing = pending - await connection.fetchval(_COUNT)
        await connection.execute(_COPY_WATCHES, contact_id, -(-missing // own))
        # As autovacuum would, only not in the middle of what we measure.
        await connection.execute("VACUUM ANALYZE escalation.tracked_contacts, escalation.timers")
        count: int = await connection.fetchval(_COUNT)
        return count
    finally:
        await connection.close()


async def lateness(ground: Ground, pending: int, rate: int, seconds: int) -> Figures:
    """Let contacts come whose first response is due when the last of them has come.

    They are not answered: their clocks breach at the rate at which they came, each raises an
    escalation and pages a supervisor.
    """
    (patient,) = (
        await ground.generator.closed(
            ground.intake, posts(traffic.contacts(1, ground.random)), concurrency=1
        )
    ).sent
    # From then on its timers stay as they are, to be copied.
    await ground.topics.all(ClockMet, [patient.contact_id])
    waiting = await fill(ground.admin_url, pending, patient.contact_id)
    times = traffic.arrivals(rate, seconds, ground.random)
    bodies = traffic.contacts(len(times), ground.random, tier="vip")
    load = await ground.generator.open(ground.intake, posts(bodies), times)
    contact_ids = [one.contact_id for one in load.sent]
    seen = await ground.topics.all(ClockBreached, contact_ids)
    breaches = [one.event(ClockBreached) for one in seen]
    due_at = [breach.due_at.timestamp() for breach in breaches]
    outside = [one.published_at - due for one, due in zip(seen, due_at, strict=True)]
    return {
        "clock_timers_pending": waiting,
        "clock_breaches": len(breaches),
        "clock_breaches_per_s": len(breaches) / (max(due_at) - min(due_at)),
        **quantiles_ms("clock_breach_lateness", [breach.lateness_ms / 1000 for breach in breaches]),
        **quantiles_ms("clock_breach_lateness_outside", outside),
    }
