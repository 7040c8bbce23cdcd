"""Throughput and lateness of one escalation process among a million open clocks."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from random import Random
from typing import NamedTuple

import httpx
import msgspec

import devstack
from bench import clock_lateness
from bench.escalation_testbed import REGIONS, open_escalation_testbed
from bench.service_testbed import ServiceTestbed
from bench.summary import Figures, quantiles_ms
from bench.topics import Arrival, LostEventError
from common.contracts.assignments import ContactAssigned
from common.contracts.clocks import ClockMet, ClockWarned
from common.contracts.contacts import (
    ContactReceived,
    ContactResolved,
    ContactsEvent,
    Customer,
    CustomerWrote,
    RepresentativeReplied,
    Tier,
    WaitingOnCustomer,
)
from common.contracts.escalations import EscalationRaised
from common.contracts.event import ContactId, CustomerId, Event, MessageId, PersonId, TeamId
from common.core.clock import TimeSource, monotonic
from common.core.ids import new_id

DUE_RATE = 1000
LEAD_S = 15
POLL_S = 0.2
TIMEOUT_S = 120
READERS = 4
SECOND = timedelta(seconds=1)

_HANDLED = "SELECT count(*) FROM escalation.inbox"
# A copy of the rows that escalation wrote for a real contact, with another first due time of each
# clock.
_COPY_DUE = """
    WITH due AS MATERIALIZED (
        SELECT uuidv7() AS copy, $2::timestamptz + n * $3::interval AS due_at
        FROM generate_series(1, $4::integer) AS n
    ), watched AS (
        INSERT INTO escalation.tracked_contacts
        SELECT (jsonb_populate_record(w, jsonb_build_object('contact_id', copy, 'clocks', (
            SELECT jsonb_agg(jsonb_set(clock, '{thresholds,0,due_at}', to_jsonb(due_at)))
            FROM jsonb_array_elements(CAST(w.clocks AS jsonb)) AS clock)))).*
        FROM escalation.tracked_contacts w, due WHERE w.contact_id = $1::uuid
    )
    INSERT INTO escalation.timers (due_at, contact_id, slot, type, trace, data)
    SELECT due.due_at, copy, slot, type, trace,
           jsonb_set(data, '{contact_id}', to_jsonb(copy))
    FROM escalation.timers t, due WHERE t.contact_id = $1::uuid
    RETURNING CAST(contact_id AS text)
"""


class Progress(NamedTuple):
    at: float
    handled: int
    cpu_s: float


async def figures(
    stack: devstack.Stack, *, contacts: int, pending: int, seconds: int, raised: int, shown: int
) -> Figures:
    async with open_escalation_testbed(stack) as testbed:
        measured, contact_ids = await _measure_events(testbed, contacts)
        filled = await _fill(testbed, pending)
        measured |= await _measure_explain(testbed, contact_ids, shown)
        measured |= await _measure_due(testbed, DUE_RATE * seconds)
        measured |= await _measure_raised(testbed, raised)
        await testbed.check_clean()
        return {"clock_open": filled, **measured}


async def _measure_events(
    testbed: ServiceTestbed, contacts: int
) -> tuple[Figures, list[ContactId]]:
    """Measure how a backlog of events is handled, from the first event to the last."""
    random, contact_ids = Random(2033), [ContactId(new_id()) for _ in range(contacts)]
    stories = [list(_contact_events(contact_id, random)) for contact_id in contact_ids]
    events_total = sum(len(story) for story in stories)
    testbed.process.stop()
    # Interleaved, as with many contacts at once: step by step through all of them.
    steps = max(len(story) for story in stories)
    await testbed.publish(
        story[step] for step in range(steps) for story in stories if step < len(story)
    )
    await testbed.restart()
    progress = [step async for step in _watch_progress(testbed, events_total)]
    first, last = progress[0], progress[-1]
    events = last.handled - first.handled
    return {
        "clock_events": events_total,
        "clock_events_per_s": events / (last.at - first.at),
        "cpu_seconds_per_1000_clock_events": 1000 * (last.cpu_s - first.cpu_s) / events,
        "rss_mb_escalation_with_holidays": testbed.process.rss_mb(),
    }, contact_ids


async def _watch_progress(testbed: ServiceTestbed, expected: int) -> AsyncIterator[Progress]:
    """Yield the progress, from the first handled events until all are handled."""
    count, deadline = 0, monotonic() + TIMEOUT_S
    while count < expected:
        if monotonic() > deadline:
            message = f"{expected - count} of {expected} events are not handled"
            raise LostEventError(message)
        ((count,),) = await testbed.fetch(_HANDLED)
        if count:
            yield Progress(monotonic(), count, testbed.process.cpu_seconds())
        await asyncio.sleep(POLL_S)


def _contact_events(contact_id: ContactId, random: Random) -> Iterator[Event]:
    """Yield one contact's events: two in three are answered, one in three is resolved."""
    received = _received(contact_id, "standard", random.choice((None, *REGIONS)))
    at = received.occurred_at

    def event(kind: type[ContactsEvent], after: int, **fields: object) -> ContactsEvent:
        return msgspec.convert(
            {"contact_id": contact_id, "occurred_at": at + after * SECOND, **fields}, kind
        )

    yield received
    yield _assigned(received)
    if random.random() < 2 / 3:
        yield event(RepresentativeReplied, 2, message_id=MessageId("reply"))
        yield event(WaitingOnCustomer, 3)
        yield event(CustomerWrote, 4, message_id=MessageId("word"), excerpt="It still does not.")
        if random.random() < 1 / 2:
            yield event(ContactResolved, 5, by="rep-1")


def _received(contact_id: ContactId, tier: Tier, region: str | None) -> ContactReceived:
    return ContactReceived(
        contact_id=contact_id,
        occurred_at=TimeSource().utc_now() - 10 * SECOND,
        channel="chat",
        customer=Customer(
            customer_id=CustomerId(f"c-{contact_id}"), name="Ada Lovelace", tier=tier, region=region
        ),
        subject="A question about billing",
        topic_of_contact="billing",
        language="en",
        priority="normal",
    )


def _assigned(received: ContactReceived) -> ContactAssigned:
    return ContactAssigned(
        contact_id=received.contact_id,
        occurred_at=received.occurred_at + SECOND,
        representative_id=PersonId("rep-1"),
        team_id=TeamId("team-1"),
        reason="only one free",
    )


async def _create_contact(testbed: ServiceTestbed, tier: Tier) -> ContactId:
    """Create an assigned contact through escalation itself; its rows are copied later."""
    received = _received(ContactId(new_id()), tier, None)
    await testbed.publish([received, _assigned(received)])
    # The assignment clock is met only after both events, in whatever order they arrive.
    await testbed.topics.wait_for_all(ClockMet, [received.contact_id])
    return received.contact_id


async def _fill(testbed: ServiceTestbed, pending: int) -> int:
    return await clock_lateness.fill_clocks(
        testbed.dsn, pending, await _create_contact(testbed, "standard")
    )


async def _measure_explain(
    testbed: ServiceTestbed, contact_ids: Sequence[ContactId], count: int
) -> Figures:
    """Request the clocks of contacts with a history, a few requests at a time."""
    requests = iter(Random(2035).choices(contact_ids, k=count))
    durations: list[float] = []
    headers = {"Authorization": f"Bearer {testbed.actors.key('marco')}"}
    url = testbed.system.url("escalation")

    async def read(client: httpx.AsyncClient) -> None:
        for contact_id in requests:
            begun = monotonic()
            answer = await client.get(f"/v1/contacts/{contact_id}/clocks")
            durations.append(monotonic() - begun)
            answer.raise_for_status()

    async with (
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(READERS):
            group.create_task(read(client))
    return {"explain_requests": len(durations), **quantiles_ms("explain", durations)}


async def _measure_due(testbed: ServiceTestbed, count: int) -> Figures:
    """Let `count` thresholds come due evenly; each warns a representative."""
    contact_ids = await _copy_with_due_times(
        testbed, await _create_contact(testbed, "premium"), count, SECOND / DUE_RATE
    )
    before = testbed.process.cpu_seconds()
    arrivals = await testbed.topics.wait_for_all(ClockWarned, contact_ids)
    cpu_s = testbed.process.cpu_seconds() - before
    events = [arrival.event(ClockWarned) for arrival in arrivals]
    late = [event.lateness_ms / 1000 for event in events]
    outside = [
        arrival.published_at - (event.occurred_at.timestamp() - lateness)
        for arrival, event, lateness in zip(arrivals, events, late, strict=True)
    ]
    return {
        "clock_due_rate_per_s": DUE_RATE,
        "cpu_seconds_per_1000_clocks_due": 1000 * cpu_s / count,
        **quantiles_ms("clock_due", late),
        **quantiles_ms("clock_due_outside", outside),
    }


async def _measure_raised(testbed: ServiceTestbed, count: int) -> Figures:
    """Let `count` deadlines pass at once; measure until the last escalation is on Kafka."""
    contact_ids = await _copy_with_due_times(
        testbed, await _create_contact(testbed, "vip"), count, timedelta(0)
    )
    before = testbed.process.cpu_seconds()
    arrivals: list[Arrival] = await testbed.topics.wait_for_all(EscalationRaised, contact_ids)
    cpu_s = testbed.process.cpu_seconds() - before
    first = min(arrival.event(EscalationRaised).occurred_at.timestamp() for arrival in arrivals)
    seconds = max(arrival.published_at for arrival in arrivals) - first
    return {
        "escalations_raised": count,
        "escalations_raised_per_s": count / seconds,
        "cpu_seconds_per_1000_escalations_raised": 1000 * cpu_s / count,
    }


async def _copy_with_due_times(
    testbed: ServiceTestbed, contact_id: ContactId, count: int, every: timedelta
) -> Sequence[str]:
    """Copy the contact so that one copy comes due `every`; return when the first one is due."""
    begins = TimeSource().utc_now() + LEAD_S * SECOND
    rows = await testbed.fetch(_COPY_DUE, contact_id, begins, every, count)
    left = begins - TimeSource().utc_now()
    if left < timedelta(0):
        message = "the first copies came due before the last were written"
        raise LostEventError(message)
    await asyncio.sleep(left.total_seconds())
    return list(chain.from_iterable(rows))
