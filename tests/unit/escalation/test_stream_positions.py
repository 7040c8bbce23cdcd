"""A client's position in the stream, and the events that it gets."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.event import ContactId
from escalation.stream.offsets import (
    EVENT_ID_PATTERN,
    OffsetGoneError,
    Offsets,
    by_partition,
    check_available,
    extend,
    format_event_id,
    lag_by_partition,
    parse_event_id,
)
from escalation.stream.records import Record, StreamEvent
from escalation.stream.subscriber import Subscriber

CONTACT = ContactId("018f0000-0000-7000-8000-000000000001")
OFFSETS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=50).map(tuple)


@given(st.lists(OFFSETS, min_size=1, max_size=3).map(tuple))
def test_event_id_names_next_offset_of_every_partition(offsets: Offsets) -> None:
    assert re.match(EVENT_ID_PATTERN, format_event_id(offsets))
    assert parse_event_id(format_event_id(offsets)) == offsets


@pytest.mark.parametrize(
    "wrong", ["", "1.", ".1", "1..2", "-1", "1-", "1--2", "1,2", "x", "1.2\n3", "9" * 20]
)
def test_malformed_event_id_does_not_match(wrong: str) -> None:
    assert not re.match(EVENT_ID_PATTERN, wrong)


def test_partition_added_later_is_read_from_its_beginning() -> None:
    assert extend(((4,), (1,)), ((8, 7), (2,))) == ((4, 0), (1,))
    assert extend(((4, 5), (1,)), ((8, 7), (2, 3))) == ((4, 5), (1, 0))


def test_lag_counts_partitions_in_which_client_is_behind_only() -> None:
    after, live = ((4, 9, 7), (1, 2)), ((8, 7, 7), (1, 5))
    assert lag_by_partition(after, live) == {(0, 0): 4, (1, 1): 3}, "one replica was quicker"


KEPT, ENDS = by_partition(((3, 0), (1,))), by_partition(((9, 7), (4,)))


@pytest.mark.parametrize("after", [((3, 0), (1,)), ((9, 7), (4,)), ((4, 5), (2,))])
def test_stored_or_next_offset_is_available(after: Offsets) -> None:
    check_available(after, KEPT, ENDS)


@pytest.mark.parametrize(
    "after", [((2, 5), (1,)), ((4, 8), (1,)), ((10, 0), (1,)), ((4, 5), (0,)), ((4, 5), (5,))]
)
def test_deleted_or_future_offset_is_gone(after: Offsets) -> None:
    with pytest.raises(OffsetGoneError):
        check_available(after, KEPT, ENDS)


@pytest.mark.parametrize("after", [((4, 5, 0), (1,)), ((4, 5),), ((4, 5), (1,), (1,))])
def test_unknown_partition_or_topic_is_gone(after: Offsets) -> None:
    with pytest.raises(OffsetGoneError):
        extend(after, ((8, 7), (1,)))


def record(
    partition: int, offset: int, contact_id: ContactId | None = CONTACT, topic: int = 0
) -> Record:
    event = None
    if contact_id is not None:
        data = f"{topic}/{partition}/{offset}"
        event = StreamEvent("upstairs.escalation_raised.v1", contact_id, None, data)
    return Record((topic, partition), offset, event)


def matches_all(_event: StreamEvent) -> bool:
    return True


async def take(subscriber: Subscriber, count: int) -> list[tuple[str, str]]:
    events = subscriber.events()
    taken = [await anext(events) for _ in range(count)]
    await events.aclose()
    return [(event_id, event.data) for event_id, event in taken]


async def test_event_id_is_position_after_event_in_all_partitions() -> None:
    subscriber = Subscriber(((5, 7), (2,)), ((5, 7), (2,)), matches_all)
    subscriber.add_live([record(1, 7), record(1, 8)])
    subscriber.add_live([record(0, 2, topic=1)])
    subscriber.add_live([record(0, 5)])
    assert await take(subscriber, 4) == [
        ("5.8-2", "0/1/7"),
        ("5.9-2", "0/1/8"),
        ("5.9-3", "1/0/2"),
        ("6.9-3", "0/0/5"),
    ]


async def test_events_received_from_another_replica_are_not_sent_again() -> None:
    subscriber = Subscriber(((5, 7),), ((5, 9),), matches_all)
    subscriber.add_live([record(1, 7), record(1, 8), record(1, 9), record(0, 5)])
    assert await take(subscriber, 2) == [("5.10", "0/1/9"), ("6.10", "0/0/5")]


async def test_partition_added_while_live_extends_event_id() -> None:
    subscriber = Subscriber(((5,),), ((5,),), matches_all)
    subscriber.add_live([record(2, 0)])
    assert await take(subscriber, 1) == [("5.0.1", "0/2/0")]


async def test_backlog_comes_before_live_events() -> None:
    subscriber = Subscriber(((5, 7),), ((3, 7),), matches_all)

    async def catch_up() -> None:
        await subscriber.add_backlog([record(0, 3)])
        await subscriber.add_backlog([record(0, 4)])
        subscriber.finish_catch_up()

    subscriber.start_catch_up()
    async with asyncio.TaskGroup() as group:
        group.create_task(catch_up())
        subscriber.add_live([record(0, 5), record(1, 7)])
        assert await take(subscriber, 4) == [
            ("4.7", "0/0/3"),
            ("5.7", "0/0/4"),
            ("6.7", "0/0/5"),
            ("6.8", "0/1/7"),
        ]


async def test_position_follows_delivered_and_filtered_events() -> None:
    subscriber = Subscriber(((0,),), ((0,),), lambda event: event.data != "0/0/2")
    subscriber.add_live([record(0, 0), record(0, 1, None), record(0, 2), record(0, 3)])
    events = subscriber.events()
    assert subscriber.position == "0"
    assert (await anext(events))[0] == "1"
    assert subscriber.position == "0", "it may not have been sent yet"
    assert (await anext(events))[0] == "4"
    assert subscriber.position == "3"
    await events.aclose()


async def test_slow_client_is_closed_and_gets_nothing_more() -> None:
    subscriber = Subscriber(((0,),), ((0,),), matches_all, max_buffered_events=3)
    for offset in range(3):
        subscriber.add_live([record(0, offset)])
    assert not subscriber.closed.is_set()
    subscriber.add_live([record(0, 3)])
    assert subscriber.closed.is_set()
    assert [event async for event in subscriber.events()] == []
    assert subscriber.position == "0"


async def test_closing_ends_wait_for_backlog_to_be_taken() -> None:
    subscriber = Subscriber(((5,),), ((0,),), matches_all)
    begun = asyncio.Event()

    async def catch_up() -> None:
        begun.set()
        await subscriber.add_backlog([record(0, 0)])

    subscriber.start_catch_up()
    async with asyncio.TaskGroup() as group:
        group.create_task(catch_up())
        await begun.wait()
        subscriber.close()
