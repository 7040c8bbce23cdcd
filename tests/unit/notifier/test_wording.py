from datetime import timedelta

import pytest

from notifier.domain import wording
from unit.notifier.examples import AT, escalation


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
    ],
)
def test_how_long_is_left(seconds: float, words: str) -> None:
    assert wording.left(AT + timedelta(seconds=seconds), AT) == words


def test_who_did_what() -> None:
    assert wording.settled(escalation("taken_over", "dana"), "Dana") == "Taken over by Dana"
    assert wording.settled(escalation("acknowledged", "dana"), None) == "Acknowledged by dana"
    assert wording.settled(escalation("closed"), None) == "Closed"
