"""The ages of retention: defaults, changed by settings."""

import pytest

from common.service.retention import (
    INBOX,
    SHARED_RULES,
    Retention,
    UnknownTableError,
    published_events_rule,
    with_days,
)

RULES = (INBOX, *SHARED_RULES, published_events_rule("true"), Retention("notes", "at", days=90))


def days(changes: dict[str, int]) -> dict[str, int]:
    rules = with_days(RULES, changes)
    return {rule.table: rule.days for rule in rules if isinstance(rule, Retention)}


def test_settings_change_the_ages_they_name() -> None:
    before = days({})
    assert days({"notes": 7, "dead_letters": 0}) == {**before, "notes": 7, "dead_letters": 0}


@pytest.mark.parametrize("table", ["notse", "outbox"])
def test_table_without_a_rule_is_refused(table: str) -> None:
    with pytest.raises(UnknownTableError, match=table):
        days({table: 7})


@pytest.mark.parametrize("table", ["inbox", "dead_letters", "published_events"])
def test_age_below_that_of_the_topics_is_refused(table: str) -> None:
    with pytest.raises(ValueError, match=f"{table} must be at least 8 days"):
        days({table: 7})
    assert days({table: 8})[table] == 8
