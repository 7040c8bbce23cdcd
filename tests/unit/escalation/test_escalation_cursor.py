"""Cursors of the list of escalations: they lead back to their page, for one query only."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from common.contracts.event import ContactId, EscalationId
from common.http.pagination import decode_cursor, encode_cursor
from common.http.problems import ProblemError
from escalation.domain.queries import EscalationQuery, PageKey

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONTACT = ContactId("018f0000-0000-7000-8000-000000000001")
PAGE_KEY = TypeAdapter(PageKey)
KEY = PageKey("high", NOON, NOON - timedelta(hours=1), EscalationId(CONTACT))

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
def test_cursor_decodes_to_its_page_key(key: PageKey, sort: str) -> None:
    query = EscalationQuery.model_validate(
        {"sort": sort, "severity": ["low", "high"], "overdue": True}
    )
    assert decode_cursor(encode_cursor(key, query.filters), PAGE_KEY, query.filters) == key


@pytest.mark.parametrize(
    "altered",
    [
        replace(KEY, escalation_id=EscalationId("x")),
        replace(KEY, raised_at=datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))),
    ],
)
def test_altered_cursor_is_refused(altered: PageKey) -> None:
    filters = EscalationQuery().filters
    with pytest.raises(ProblemError, match="it is not a cursor of this list"):
        decode_cursor(encode_cursor(altered, filters), PAGE_KEY, filters)


@pytest.mark.parametrize("sort", ["time_left", "severity"])
def test_closed_escalations_are_listed_by_age_or_contact_only(sort: str) -> None:
    for states in (["resolved"], ["raised", "closed"], ["handed_back"]):
        with pytest.raises(ValidationError, match="with sort=newest"):
            EscalationQuery.model_validate({"state": states, "sort": sort})
        EscalationQuery.model_validate({"state": states, "sort": "newest"})
        EscalationQuery.model_validate({"state": states, "sort": sort, "contact_id": CONTACT})


def test_cursor_of_another_query_is_refused() -> None:
    query = EscalationQuery.model_validate({"severity": ["low", "high"]})
    cursor = encode_cursor(KEY, query.filters)
    same = EscalationQuery.model_validate(
        {"severity": ["high", "low"], "state": [*query.state][::-1]}
    )
    assert decode_cursor(cursor, PAGE_KEY, same.filters) == KEY
    for other in ({}, {"severity": ["low"]}, {"severity": ["low", "high"], "sort": "newest"}):
        filters = EscalationQuery.model_validate(other).filters
        with pytest.raises(ProblemError, match="another order or other filters"):
            decode_cursor(cursor, PAGE_KEY, filters)


@pytest.mark.parametrize("wrong", ["nonsense", "", "W10", "WzEsMl0", "é", "WyJ4IiwgbnVsbF0", "e30"])
def test_invalid_cursor_is_refused(wrong: str) -> None:
    with pytest.raises(ProblemError, match="it is not a cursor of this list"):
        decode_cursor(wrong, PAGE_KEY, EscalationQuery().filters)
