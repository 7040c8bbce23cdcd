from datetime import timedelta

import pytest

from notifier.domain import wording
from unit.notifier.examples import AT, escalation, notification


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "time is up"),
        (0.4, "time is up"),
        (4, "4 s left"),
        (59.9, "59 s left"),
        (60, "1 min left"),
        (3599, "59 min left"),
        (7500, "2 h 5 min left"),
        (86399, "23 h 59 min left"),
        (86400, "1 d 0 h left"),
        (166 * 3600, "6 d 22 h left"),
    ],
)
def test_how_long_is_left(seconds: float, words: str) -> None:
    assert wording.left(AT + timedelta(seconds=seconds), AT) == words


def test_a_deadline_days_away_has_its_date() -> None:
    content = notification(respond_by=AT + timedelta(hours=23)).content
    assert wording.deadline(content, AT) == "Answer until 13:00:00 UTC (23 h 0 min left)."
    content = notification(respond_by=AT + timedelta(days=3)).content
    assert wording.deadline(content, AT) == "Answer until 2026-03-05 14:00:00 UTC (3 d 0 h left)."


def test_who_did_what() -> None:
    assert wording.settled(escalation("taken_over", "dana"), "Dana") == "Taken over by Dana"
    assert wording.settled(escalation("acknowledged", "dana"), None) == "Acknowledged by dana"
    assert wording.settled(escalation("closed"), None) == "Closed"
