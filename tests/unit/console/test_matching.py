"""The stream marks a row for a view exactly if the list with the same filters has it."""

from typing import Any

import pytest

from console.live.matching import matches
from console.views.filters import parse_filters
from unit.console.answers import NOW, ahead, cause, contact_of_escalation, escalation, reader

SHOWN = escalation(
    severity="critical",
    level=1,
    level_name="manager",
    causes=[cause(), cause("vip")],
    contact=contact_of_escalation(tier="vip"),
    awaited=["sara", "sam"],
)


@pytest.mark.parametrize(
    ("query", "is_in"),
    [
        ({}, True),
        ({"severity": "critical"}, True),
        ({"severity": "low"}, False),
        ({"cause": "vip"}, True),
        ({"cause": "manual"}, False),
        ({"channel": "chat", "tier": "vip", "topic": "billing"}, True),
        ({"channel": "chat", "tier": "standard"}, False),
        ({"team": "care"}, True),
        ({"representative": "bruno"}, False),
        ({"level": "manager"}, True),
        ({"level": "1"}, True),
        ({"level": "0"}, False),
        ({"person": "sam"}, True),
        ({"person": "dora"}, False),
        ({"overdue": "false", "alarm": "false"}, True),
        ({"overdue": "true"}, False),
        ({"alarm": "true"}, False),
    ],
)
def test_row_is_in_the_views_whose_filters_it_meets(query: dict[str, str], is_in: bool) -> None:
    assert matches(SHOWN, parse_filters(query.items(), reader()), NOW) is is_in


@pytest.mark.parametrize(
    ("changes", "query"),
    [
        ({"deadline": ahead(seconds=-1)}, {"overdue": "true"}),
        ({"deadline": None}, {"overdue": "false"}),
        ({"alarm_since": ahead()}, {"alarm": "true"}),
        ({"holder": "dora", "awaited": []}, {"person": "dora"}),
    ],
)
def test_row_enters_a_view_when_it_changes(changes: dict[str, Any], query: dict[str, str]) -> None:
    assert matches({**SHOWN, **changes}, parse_filters(query.items(), reader()), NOW)


@pytest.mark.parametrize("state", ["resolved", "handed_back", "closed"])
def test_ended_escalation_is_in_no_view(state: str) -> None:
    assert not matches({**SHOWN, "state": state}, parse_filters([], reader()), NOW)


def test_escalation_without_its_contact_meets_no_filter_of_contacts() -> None:
    assert not matches(
        {**SHOWN, "contact": None}, parse_filters([("channel", "chat")], reader()), NOW
    )
