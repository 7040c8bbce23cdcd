"""What one process of escalation does in a second, and how late, among a million open clocks."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from random import Random
from typing import NamedTuple

import httpx

import devstack
from bench import clocks
from bench.desk import REGIONS, Desk, desk
from bench.summary import Figures, quantiles_ms
from bench.topics import LostError, Seen
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
LOOK_S = 0.2
PATIENCE_S = 120
READERS = 4
SECOND = timedelta(seconds=1)

_HANDLED = "SELECT count(*) FROM escalation.inbox"
# As escalation wrote it for a real contact, but for when the first threshold comes due.
_COPY_DUE = """
    WITH due AS MATERIALIZED (
        SELECT uuidv7() AS copy, $2::timestamptz + n * $3::interval AS due_at
        FROM generate_series(1, $4::integer) AS n
    ), watched AS (
        INSERT INTO escalation.tracked_contacts
        SELECT (jsonb_populate_record(w, jsonb_build_object('contact_id', copy, 'clocks',
            jsonb_set(clocks, '{0,thresholds,0,due_at}', to_jsonb(due_at))))).*
        FROM escalation.tracked_contacts w, due WHERE w.contact_id = $1::uuid
    )
    INSERT INTO escalation.timers (due_at, contact_id, slot, type, traceparent, data)
    SELECT due.due_at, copy, slot, type, traceparent,
           jsonb_set(data, '{contact_id}', to_jsonb(copy))
    FROM escalation.timers t, due WHERE t.contact_id = $1::uuid
    RETURNING CAST(contact_id AS text)
"""


class Look(NamedTuple):
    at: float
    handled: int
    cpu_s: float


async def figures(
    stack: devstack.Stack, *, contacts: int, pending: int, seconds: int, raised: int, shown: int
) -> Figures:
    async with desk(stack) as made:
        measured, known = await _events(made, contacts)
        filled = await _fill(made, pending)
        measured |= await _explain(made, known, shown)
        measured |= await _due(made, DUE_RATE * seconds)
        measured |= await _raised(made, raised)
        await made.check_clean()
        return {"clock_open": filled, **measured}


async def _events(made: Desk, contacts: int) -> tuple[Figures, list[ContactId]]:
    """Let a backlog of facts be worked off; it counts from the first of them to the last."""
    random, known = Random(2033), [ContactId(new_id()) for _ in range(contacts)]
    stories = [list(_story(contact_id, random)) for contact_id in known]
    facts = [fact for story in stories for fact in story]
    made.process.stop()
    # One step of all contacts after another, as many contacts at once make it.
    steps = max(len(story) for story in stories)
    await made.publish(
        story[step] for step in range(steps) for story in stories if step < len(story)
    )
    await made.restart()
    handled = [look async for look in _handled(made, len(facts))]
    first, last = handled[0], handled[-1]
    events = last.handled - first.handled
    return {
        "clock_events": len(facts),
        "clock_events_per_s": events / (last.at - first.at),
        "cpu_seconds_per_1000_clock_events": 1000 * (last.cpu_s - first.cpu_s) / events,
        "rss_mb_escalation_with_holidays": made.process.rss_mb(),
    }, known


async def _handled(made: Desk, expected: int) -> AsyncIterator[Look]:
    """Yield how far it is, from the first that are handled until all are."""
    count, deadline = 0, monotonic() + PATIENCE_S
    while count < expected:
        if monotonic() > deadline:
            message = f"{expected - count} of {expected} facts are not handled"
            raise LostError(message)
        ((count,),) = await made.fetch(_HANDLED)
        if count:
            yield Look(monotonic(), count, made.process.cpu_seconds())
        await asyncio.sleep(LOOK_S)


def _story(contact_id: ContactId, random: Random) -> Iterator[Event]:
    """Tell of a contact: two in three are answered, one in three resolved."""
    received = _received(contact_id, "standard", random.choice((None, *REGIONS)))
    at = received.occurred_at

    def said(kind: type[ContactsEvent], after: int, **what: object) -> ContactsEvent:
        return kind.model_validate(
            {"contact_id": contact_id, "occurred_at": at + after * SECOND, **what}
        )

    yield received
    yield _assigned(received)
    if random.random() < 2 / 3:
        yield said(RepresentativeReplied, 2, message_id=MessageId("reply"))
        yield said(WaitingOnCustomer, 3)
        yield said(CustomerWrote, 4, message_id=MessageId("word"), excerpt="It still does not.")
        if random.random() < 1 / 2:
            yield said(ContactResolved, 5, by="rep-1")


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
        team_id=TeamId("crew-1"),
        reason="only one free",
    )


async def _real(made: Desk, tier: Tier) -> ContactId:
    """Let escalation write a contact that is assigned and has its timers, to be copied."""
    received = _received(ContactId(new_id()), tier, None)
    await made.publish([received, _assigned(received)])
    # The assignment's; whichever of the two was heard first, both are now.
    await made.topics.all(ClockMet, [received.contact_id])
    return received.contact_id


async def _fill(made: Desk, pending: int) -> int:
    return await clocks.fill(made.dsn, pending, await _real(made, "standard"))


async def _explain(made: Desk, known: Sequence[ContactId], count: int) -> Figures:
    """Ask for the clocks of contacts that have a past, a few at a time."""
    asked = iter(Random(2035).choices(known, k=count))
    taken: list[float] = []
    headers = {"Authorization": f"Bearer {made.cast.key('sara')}"}
    url = made.system.url("escalation")

    async def read(client: httpx.AsyncClient) -> None:
        for contact_id in asked:
            begun = monotonic()
            answer = await client.get(f"/v1/contacts/{contact_id}/clocks")
            taken.append(monotonic() - begun)
            answer.raise_for_status()

    async with (
        httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(READERS):
            group.create_task(read(client))
    return {"explain_requests": len(taken), **quantiles_ms("explain", taken)}


async def _due(made: Desk, count: int) -> Figures:
    """Let a threshold of so many clocks come due, evenly, each a warning to a representative."""
    contact_ids = await _come_due(made, await _real(made, "premium"), count, SECOND / DUE_RATE)
    before = made.process.cpu_seconds()
    seen = await made.topics.all(ClockWarned, contact_ids)
    cpu_s = made.process.cpu_seconds() - before
    events = [one.event(ClockWarned) for one in seen]
    late = [event.lateness_ms / 1000 for event in events]
    outside = [
        one.published_at - (event.occurred_at.timestamp() - lateness)
        for one, event, lateness in zip(seen, events, late, strict=True)
    ]
    return {
        "clock_due_rate_per_s": DUE_RATE,
        "cpu_seconds_per_1000_clocks_due": 1000 * cpu_s / count,
        **quantiles_ms("clock_due", late),
        **quantiles_ms("clock_due_outside", outside),
    }


async def _raised(made: Desk, count: int) -> Figures:
    """Let so many deadlines pass at one moment; until the last escalation is on Kafka."""
    contact_ids = await _come_due(made, await _real(made, "vip"), count, timedelta(0))
    before = made.process.cpu_seconds()
    seen: list[Seen] = await made.topics.all(EscalationRaised, contact_ids)
    cpu_s = made.process.cpu_seconds() - before
    first = min(one.event(EscalationRaised).occurred_at.timestamp() for one in seen)
    seconds = max(one.published_at for one in seen) - first
    return {
        "escalations_raised": count,
        "escalations_raised_per_s": count / seconds,
        "cpu_seconds_per_1000_escalations_raised": 1000 * cpu_s / count,
    }


async def _come_due(
    made: Desk, contact_id: ContactId, count: int, every: timedelta
) -> Sequence[str]:
    """Make copies of the contact that come due one `every`; return when the first of them does."""
    begins = TimeSource().utc_now() + LEAD_S * SECOND
    rows = await made.fetch(_COPY_DUE, contact_id, begins, every, count)
    left = begins - TimeSource().utc_now()
    if left < timedelta(0):
        message = "the first were due before the last were there"
        raise LostError(message)
    await asyncio.sleep(left.total_seconds())
    return list(chain.from_iterable(rows))
