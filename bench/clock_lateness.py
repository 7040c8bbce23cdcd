"""How late clocks breach while very many others are pending."""

import asyncpg

from bench import traffic
from bench.summary import Figures, quantiles_ms
from bench.testbed import Testbed, posts
from common.contracts.clocks import ClockBreached, ClockMet

# Each copy has the rows that escalation wrote for a real contact, one or two days later. Its clocks
# are moved as well, because the timer check compares them with the timers.
_COPY_CONTACT = """
    WITH copies AS MATERIALIZED (
        SELECT uuidv7() AS copy, (1 + random()) * interval '1 day' AS later
        FROM generate_series(1, $2::integer)
    ), watched AS (
        INSERT INTO escalation.tracked_contacts
        SELECT (jsonb_populate_record(w, jsonb_build_object('contact_id', copy, 'clocks', (
            SELECT jsonb_agg(jsonb_set(clock, '{thresholds}', (
                SELECT jsonb_agg(jsonb_set(
                    threshold, '{due_at}', to_jsonb((threshold->>'due_at')::timestamptz + later)))
                FROM jsonb_array_elements(clock->'thresholds') AS threshold)))
            FROM jsonb_array_elements(CAST(w.clocks AS jsonb)) AS clock)))).*
        FROM escalation.tracked_contacts w, copies WHERE w.contact_id = $1::uuid
    )
    INSERT INTO escalation.timers (due_at, contact_id, slot, type, trace, data)
    SELECT due_at + later, copy, slot, type, trace,
           jsonb_set(data, '{contact_id}', to_jsonb(copy))
    FROM escalation.timers t, copies WHERE t.contact_id = $1::uuid
"""
_COUNT = "SELECT count(*) FROM escalation.timers"


async def fill_clocks(dsn: str, pending: int, contact_id: str) -> int:
    """Copy the contact and its timers until `pending` timers wait; return how many there are."""
    connection = await asyncpg.connect(dsn)
    try:
        own = await connection.fetchval(
            "SELECT count(*) FROM escalation.timers WHERE contact_id = $1::uuid", contact_id
        )
        missing = pending - await connection.fetchval(_COUNT)
        await connection.execute(_COPY_CONTACT, contact_id, -(-missing // own))
        # Autovacuum would do this later, during the measurement.
        await connection.execute("VACUUM ANALYZE escalation.tracked_contacts, escalation.timers")
        count: int = await connection.fetchval(_COUNT)
        return count
    finally:
        await connection.close()


async def lateness(testbed: Testbed, pending: int, rate: int, seconds: int) -> Figures:
    """Create contacts whose first response is due when the last of them has arrived.

    Nobody answers them, so their clocks breach at the rate of arrival. Each breach raises an
    escalation and pages a supervisor.
    """
    (template,) = (
        await testbed.generator.closed_loop(
            testbed.intake_target, posts(traffic.contacts(1, testbed.random)), concurrency=1
        )
    ).sent
    # Its timers no longer change from here on and can be copied.
    await testbed.topics.wait_for_all(ClockMet, [template.contact_id])
    pending_timers = await fill_clocks(testbed.admin_url, pending, template.contact_id)
    times = traffic.arrivals(rate, seconds, testbed.random)
    bodies = traffic.contacts(len(times), testbed.random, tier="vip")
    load = await testbed.generator.open_loop(testbed.intake_target, posts(bodies), times)
    contact_ids = [post.contact_id for post in load.sent]
    arrivals = await testbed.topics.wait_for_all(ClockBreached, contact_ids)
    breaches = [arrival.event(ClockBreached) for arrival in arrivals]
    due_at = [breach.due_at.timestamp() for breach in breaches]
    outside = [arrival.published_at - due for arrival, due in zip(arrivals, due_at, strict=True)]
    return {
        "clock_timers_pending": pending_timers,
        "clock_breaches": len(breaches),
        "clock_breaches_per_s": len(breaches) / (max(due_at) - min(due_at)),
        **quantiles_ms("clock_breach_lateness", [breach.lateness_ms / 1000 for breach in breaches]),
        **quantiles_ms("clock_breach_lateness_outside", outside),
    }
