"""Dead letters are replayed once, by the same handlers, or discarded."""

import asyncio

import pytest

from common.contracts.contacts import CustomerWrote
from common.core import trace
from common.core.errors import TransientError
from common.messages import Schedule
from common.messaging.dispatcher import Message
from common.messaging.envelope import encode
from common.messaging.replay import (
    AlreadyClosedError,
    DeadLetterNotFoundError,
    Replay,
    ReplayFailedError,
)
from common.messaging.subscriptions import HandlerRegistry
from common.storage.database import Database
from common.storage.dead_letter_store import DeadLetterStore, DeadLetterSummary
from common.storage.dead_letters import DeadLetter, store_dead_letter
from support.databases import rows
from support.dead_letters import REPAIRED, fetch_effects, make_dead_letter, note_any, to_dead_letter
from support.probe import (
    POISON,
    Broker,
    Reminder,
    Replica,
    UnitOfWork,
    customer_wrote,
    make_envelope,
    new_contact,
)


@pytest.fixture
def broker() -> Broker:
    """None of these needs Kafka."""
    return Broker("unused", "unused")


@pytest.fixture
def repaired(database: Database[UnitOfWork], broker: Broker) -> Replay[UnitOfWork]:
    return Replica(database, broker, REPAIRED).make_replay()


async def look(database: Database[UnitOfWork], letter_id: int) -> DeadLetterSummary:
    async with database.transaction() as uow:
        letter = await DeadLetterStore(uow.connection).get(letter_id)
    assert letter is not None
    return letter


async def test_replayed_dead_letter_has_its_effect_once(
    replica: Replica, repaired: Replay[UnitOfWork]
) -> None:
    letter_id, _ = await make_dead_letter(replica)
    woken = []
    repaired._database.after_commit(
        lambda uow: woken.append((len(uow.outbox), uow.timers.earliest))
    )
    dealt = await repaired.replay(letter_id, "admin:ops")
    assert (dealt.state, dealt.closed_by, dealt.closed_reason, dealt.attempts) == (
        "replayed",
        "admin:ops",
        None,
        1,
    )
    assert woken[0][0] == 1
    assert woken[0][1] is not None
    assert await fetch_effects(replica.database) == ([[POISON]], 1, 1)
    (journalled,) = await rows(replica.database, "SELECT cause FROM published_events")
    assert journalled.cause == dealt.event_id
    with pytest.raises(AlreadyClosedError, match="admin:ops has replayed it at"):
        await repaired.replay(letter_id, "cli:else")
    assert (await look(replica.database, letter_id)).closed_by == "admin:ops"
    assert await fetch_effects(replica.database) == ([[POISON]], 1, 1)


async def test_concurrent_replays_have_one_effect(
    replica: Replica, repaired: Replay[UnitOfWork]
) -> None:
    letter_id, _ = await make_dead_letter(replica)
    results = await asyncio.gather(
        *(repaired.replay(letter_id, f"admin:{n}") for n in range(5)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, AlreadyClosedError)]
    assert len(refused) == 4
    assert await fetch_effects(replica.database) == ([[POISON]], 1, 1)


async def test_failed_replay_keeps_waiting_with_the_new_reason(
    database: Database[UnitOfWork], broker: Broker, replica: Replica
) -> None:
    async def fail_late(event: CustomerWrote, uow: UnitOfWork) -> None:
        await note_any(event, uow)
        raise KeyError("another bug")

    letter_id, _ = await make_dead_letter(replica)
    half_mended = Replica(
        database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, fail_late)
    )
    with pytest.raises(
        ReplayFailedError, match="Attempt 2 failed; it is still waiting: KeyError: 'another"
    ):
        await half_mended.make_replay().replay(letter_id, "admin:ops")
    letter = await look(database, letter_id)
    assert (letter.state, letter.attempts, letter.closed_at) == ("waiting", 2, None)
    assert letter.reason == "KeyError: 'another bug'"
    assert await fetch_effects(database) == ([], 0, 0)
    assert (await Replica(database, broker, REPAIRED).make_replay().replay(letter_id, "x")).id


async def test_database_outage_counts_as_no_attempt(
    database: Database[UnitOfWork], broker: Broker, replica: Replica
) -> None:
    async def away(_event: CustomerWrote, _uow: UnitOfWork) -> None:
        raise TransientError

    letter_id, _ = await make_dead_letter(replica)
    cut_off = Replica(database, broker, HandlerRegistry[UnitOfWork]().on(CustomerWrote, away))
    with pytest.raises(TransientError):
        await cut_off.make_replay().replay(letter_id, "admin:ops")
    letter = await look(database, letter_id)
    assert (letter.state, letter.attempts) == ("waiting", 1)


async def test_malformed_record_is_handled_once_readable(
    replica: Replica, repaired: Replay[UnitOfWork]
) -> None:
    """And not again when Kafka delivers it again to the version that can read it."""
    event = customer_wrote(new_contact(), "read at last")
    of = make_envelope(event)
    letter_id = await malformed(replica.database, to_dead_letter(event, of, replica.broker))
    dealt = await repaired.replay(letter_id, "admin:ops")
    assert (dealt.state, dealt.closed_reason) == ("replayed", None)
    again = Message(
        event, lambda error: to_dead_letter(event, of, replica.broker, error=error), of.id
    )
    await Replica(replica.database, replica.broker, REPAIRED).dispatcher.handle([again])
    assert await fetch_effects(replica.database) == ([["read at last"]], 1, 1)


async def test_malformed_record_handled_meanwhile_is_not_handled_again(
    replica: Replica, repaired: Replay[UnitOfWork]
) -> None:
    event = customer_wrote(new_contact(), "came again")
    of = make_envelope(event)
    letter_id = await malformed(replica.database, to_dead_letter(event, of, replica.broker))
    await replica.dispatcher.handle(
        [Message(event, lambda _: to_dead_letter(event, of, replica.broker), of.id)]
    )
    dealt = await repaired.replay(letter_id, "admin:ops")
    assert dealt.state == "replayed"
    assert dealt.closed_reason == "nothing was done: another delivery of its event had been handled"
    assert await fetch_effects(replica.database) == ([["came again"]], 0, 0)


async def malformed(database: Database[UnitOfWork], letter: DeadLetter) -> int:
    """Bury as a version does that can't read the record: it claims nothing."""
    async with database.transaction() as uow:
        await store_dead_letter(uow.connection, letter, claimed=False)
    (row,) = await rows(database, "SELECT max(id) AS id FROM dead_letters")
    return int(row.id)


async def test_unreadable_record_keeps_waiting(
    replica: Replica, repaired: Replay[UnitOfWork]
) -> None:
    event = customer_wrote(new_contact())
    of = make_envelope(event)
    headers = {**dict(encode(of)), "ce_source": b"\xff"}
    letter_id = await malformed(
        replica.database, to_dead_letter(event, of, replica.broker, headers=headers)
    )
    with pytest.raises(ReplayFailedError, match="UntrustedRecordError: a header is not UTF-8 text"):
        await repaired.replay(letter_id, "admin:ops")


async def test_event_handled_by_another_replica_is_no_dead_letter(replica: Replica) -> None:
    """Our attempt fails; before it becomes a dead letter, another's attempt succeeds."""
    event = customer_wrote(new_contact(), "handled")
    of = make_envelope(event)
    message = Message(
        event, lambda error: to_dead_letter(event, of, replica.broker, error=error), of.id
    )
    await replica.dispatcher.handle([message])
    await replica.dispatcher._dead_letter(message, ValueError("ours is broken"))
    assert await rows(replica.database, "SELECT 1 FROM dead_letters") == []


async def test_dead_timer_is_replayed(replica: Replica, repaired: Replay[UnitOfWork]) -> None:
    contact_id = new_contact()
    async with replica.database.transaction() as uow:
        uow.timers.set([Schedule(Reminder(contact_id=contact_id, name=POISON), uow.now)])
    await replica.timers.fire(1)
    (row,) = await rows(replica.database, "SELECT id FROM dead_letters")
    dealt = await repaired.replay(row.id, "admin:ops")
    assert (dealt.state, dealt.type) == ("replayed", "Reminder")
    assert await fetch_effects(replica.database) == ([[POISON]], 0, 0)
    with pytest.raises(AlreadyClosedError):
        await repaired.replay(row.id, "admin:ops")


async def test_type_without_handler_keeps_waiting(
    database: Database[UnitOfWork], broker: Broker, replica: Replica
) -> None:
    """A message that only another version of the service knows."""
    other = Replica(database, broker, HandlerRegistry[UnitOfWork]()).make_replay()
    event_letter, contact_id = await make_dead_letter(replica)
    async with database.transaction() as uow:
        uow.timers.set([Schedule(Reminder(contact_id=contact_id, name=POISON), uow.now)])
    await replica.timers.fire(1)
    for letter_id in (event_letter, event_letter + 1):
        with pytest.raises(
            ReplayFailedError, match="UnsubscribedTypeError: No handler is subscribed"
        ):
            await other.replay(letter_id, "admin:ops")


async def test_discarded_dead_letter_stays_discarded(
    replica: Replica, repaired: Replay[UnitOfWork]
) -> None:
    letter_id, _ = await make_dead_letter(replica)
    dealt = await repaired.discard(letter_id, "admin:ops", "sent by a load test")
    assert (dealt.state, dealt.closed_reason) == ("discarded", "sent by a load test")
    for again in (repaired.replay(letter_id, "a"), repaired.discard(letter_id, "a", "b")):
        with pytest.raises(AlreadyClosedError, match="admin:ops has discarded it"):
            await again
    assert await fetch_effects(replica.database) == ([], 0, 0)


async def test_unknown_dead_letter_is_not_found(repaired: Replay[UnitOfWork]) -> None:
    for attempt in (repaired.replay(7, "a"), repaired.discard(7, "a", "b")):
        with pytest.raises(DeadLetterNotFoundError):
            await attempt


async def test_trace_of_the_caller_survives_a_replay(
    replica: Replica, repaired: Replay[UnitOfWork]
) -> None:
    letter_id, _ = await make_dead_letter(replica)
    own = trace.start(None)
    await repaired.replay(letter_id, "admin:ops")
    assert trace.current() == own
