"""Where a client of the stream is, what it is given, and where a page of the list ended."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from common.contracts.event import ContactId, EscalationId
from common.http.problems import ProblemError
from escalation.api.cursor import cursor_after, place_after
from escalation.domain.queries import EscalationQuery, PageKey
from escalation.stream.offsets import (
    EVENT_ID_PATTERN,
    OffsetGoneError,
    check_available,
    extend,
    format_event_id,
    lag_by_partition,
    parse_event_id,
)
from escalation.stream.records import Record, StreamEvent
from escalation.stream.subscriber import Subscriber

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONTACT = ContactId("018f0000-0000-7000-8000-000000000001")
PLACE = PageKey("high", NOON, NOON - timedelta(hours=1), EscalationId(CONTACT))


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=50).map(tuple))
def test_id_says_the_next_offset_of_every_partition(offsets: tuple[int, ...]) -> None:
    assert re.match(EVENT_ID_PATTERN, format_event_id(offsets))
    assert parse_event_id(format_event_id(offsets)) == offsets


@pytest.mark.parametrize("wrong", ["", "1.", ".1", "1..2", "-1", "1,2", "x", "1.2\n3", "9" * 20])
def test_what_is_no_id_does_not_match(wrong: str) -> None:
    assert not re.match(EVENT_ID_PATTERN, wrong)


def test_partition_that_came_later_is_read_from_its_beginning() -> None:
    assert extend((4,), (8, 7)) == (4, 0)
    assert extend((4, 5), (8, 7)) == (4, 5)


def test_only_where_the_client_is_behind_is_there_something_to_bring() -> None:
    assert lag_by_partition((4, 9, 7), (8, 7, 7)) == {0: 4}, (
        "in another a second replica was quicker"
    )


KEPT, ENDS = {0: 3, 1: 0}, {0: 9, 1: 7}


@pytest.mark.parametrize("after", [(3, 0), (9, 7), (4, 5)])
def test_who_asks_for_what_is_kept_or_comes_next_is_served(after: tuple[int, ...]) -> None:
    check_available(after, KEPT, ENDS)


@pytest.mark.parametrize("after", [(2, 5), (4, 8), (10, 0)])
def test_who_asks_for_what_is_gone_or_was_never_there_is_told_so(after: tuple[int, ...]) -> None:
    with pytest.raises(OffsetGoneError):
        check_available(after, KEPT, ENDS)


def test_partition_that_there_is_not_is_gone() -> None:
    with pytest.raises(OffsetGoneError):
        extend((4, 5, 0), (8, 7))


def happened(partition: int, offset: int, contact_id: ContactId | None = CONTACT) -> Record:
    news = None
    if contact_id is not None:
        news = StreamEvent(
            "upstairs.escalation_raised.v1", contact_id, None, f"{partition}/{offset}"
        )
    return Record(partition, offset, news)


def everything(_news: StreamEvent) -> bool:
    return True


async def taken(following: Subscriber, count: int) -> list[tuple[str, str]]:
    given = following.news()
    found = [await anext(given) for _ in range(count)]
    await given.aclose()
    return [(event_id, news.data) for event_id, news in found]


async def test_each_event_has_the_place_after_it_in_all_partitions() -> None:
    following = Subscriber((5, 7), (5, 7), everything)
    following.tell([happened(1, 7), happened(1, 8)])
    following.tell([happened(0, 5)])
    assert await taken(following, 3) == [("5.8", "1/7"), ("5.9", "1/8"), ("6.9", "0/5")]


async def test_what_the_client_has_from_another_replica_is_not_given_again() -> None:
    following = Subscriber((5, 7), (5, 9), everything)
    following.tell([happened(1, 7), happened(1, 8), happened(1, 9), happened(0, 5)])
    assert await taken(following, 2) == [("5.10", "1/9"), ("6.10", "0/5")]


async def test_partition_that_comes_later_lengthens_the_id() -> None:
    following = Subscriber((5,), (5,), everything)
    following.tell([happened(2, 0)])
    assert await taken(following, 1) == [("5.0.1", "2/0")]


async def test_what_was_missed_comes_before_what_is_new() -> None:
    following = Subscriber((5, 7), (3, 7), everything)

    async def bring() -> None:
        await following.bring([happened(0, 3)])
        await following.bring([happened(0, 4)])
        following.caught_up()

    following.catch_up()
    async with asyncio.TaskGroup() as group:
        group.create_task(bring())
        following.tell([happened(0, 5), happened(1, 7)])
        assert await taken(following, 4) == [
            ("4.7", "0/3"),
            ("5.7", "0/4"),
            ("6.7", "0/5"),
            ("6.8", "1/7"),
        ]


async def test_place_follows_what_was_given_and_what_nobody_wants() -> None:
    following = Subscriber((0,), (0,), lambda news: news.data != "0/2")
    following.tell([happened(0, 0), happened(0, 1, None), happened(0, 2), happened(0, 3)])
    given = following.news()
    assert following.position == "0"
    assert (await anext(given))[0] == "1"
    assert following.position == "0", "it may not have been sent yet"
    assert (await anext(given))[0] == "4"
    assert following.position == "3"
    await given.aclose()


async def test_client_too_slow_is_given_up_and_gets_nothing_more() -> None:
    following = Subscriber((0,), (0,), everything)
    for offset in range(5000):
        following.tell([happened(0, offset)])
    assert not following.over.is_set()
    following.tell([happened(0, 5000)])
    assert following.over.is_set()
    assert [one async for one in following.news()] == []
    assert following.position == "0"


async def test_who_is_catching_up_is_not_waited_for_once_it_is_over() -> None:
    following = Subscriber((5,), (0,), everything)
    begun = asyncio.Event()

    async def bring() -> None:
        begun.set()
        await following.bring([happened(0, 0)])

    following.catch_up()
    async with asyncio.TaskGroup() as group:
        group.create_task(bring())
        await begun.wait()
        following.end()


SORTS = ("time_left", "severity", "newest")
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - in UTC


@given(
    st.builds(
        PageKey,
        severity=st.sampled_from(["low", "medium", "high", "critical"]),
        deadline=st.none() | TIMES,
        raised_at=TIMES,
        escalation_id=st.uuids().map(str),
    ),
    st.sampled_from(SORTS),
)
def test_cursor_decodes_to_its_page_key(place: PageKey, sort: str) -> None:
    wanted = EscalationQuery.model_validate(
        {"sort": sort, "severity": ["low", "high"], "overdue": True}
    )
    assert place_after(cursor_after(place, wanted), wanted) == place


@pytest.mark.parametrize(
    "altered",
    [
        replace(PLACE, escalation_id=EscalationId("x")),
        replace(PLACE, raised_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))),
    ],
)
def test_altered_cursor_is_refused(altered: PageKey) -> None:
    with pytest.raises(ProblemError, match="no cursor of ours"):
        place_after(cursor_after(altered, EscalationQuery()), EscalationQuery())


@pytest.mark.parametrize("sort", ["time_left", "severity"])
def test_closed_escalations_are_listed_by_age_or_contact_only(sort: str) -> None:
    for states in (["resolved"], ["raised", "closed"], ["handed_back"]):
        with pytest.raises(ValidationError, match="with sort=newest"):
            EscalationQuery.model_validate({"state": states, "sort": sort})
        EscalationQuery.model_validate({"state": states, "sort": "newest"})
        EscalationQuery.model_validate({"state": states, "sort": sort, "contact_id": CONTACT})


def test_cursor_of_another_query_is_refused() -> None:
    wanted = EscalationQuery.model_validate({"severity": ["low", "high"]})
    cursor = cursor_after(PLACE, wanted)
    same = EscalationQuery.model_validate(
        {"severity": ["high", "low"], "state": [*wanted.state][::-1]}
    )
    assert place_after(cursor, same) == PLACE
    for other in ({}, {"severity": ["low"]}, {"severity": ["low", "high"], "sort": "newest"}):
        with pytest.raises(ProblemError, match="another sort or other filters"):
            place_after(cursor, EscalationQuery.model_validate(other))


@pytest.mark.parametrize("wrong", ["nonsense", "", "W10", "WzEsMl0", "é", "WyJ4IiwgbnVsbF0", "e30"])
def test_invalid_cursor_is_refused(wrong: str) -> None:
    with pytest.raises(ProblemError, match="no cursor of ours"):
        place_after(wrong, EscalationQuery())
