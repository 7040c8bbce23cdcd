"""What a notification's rows tell of it, in order."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from notifier.domain.history import history
from notifier.domain.notifications import Attempt, AttemptOutcome
from unit.notifier.examples import AT, ID, SLACK, notification

SECOND = timedelta(seconds=1)
FULL = "held back: over the budget of 5 messages in 60 s for one recipient"


def attempt(number: int, outcome: AttemptOutcome, detail: str | None = None) -> Attempt:
    started = AT + number * 10 * SECOND
    return Attempt(ID, number, started, started + SECOND, outcome, detail)


def steps(attempts: list[Attempt], **changes: Any) -> list[tuple[str, float, str | None]]:
    story = history(replace(notification(SLACK, "raised"), requested_at=AT, **changes), attempts)
    return [(step.state, (step.at - AT).total_seconds(), step.reason) for step in story]


def test_message_that_is_answered_tells_when_it_arrived_and_was_seen() -> None:
    times = {
        name: AT + number * SECOND
        for number, name in enumerate(("sent_at", "delivered_at", "seen_at", "acted_at"), 11)
    }
    assert steps([attempt(1, "sent")], state="sent", action="acknowledge", **times) == [
        ("queued", 0, None),
        ("sending", 10, None),
        ("sent", 11, None),
        ("delivered", 12, None),
        ("seen", 13, None),
        ("acted_on", 14, "acknowledge"),
    ]


def test_attempts_tell_what_may_have_arrived_and_what_is_tried_again() -> None:
    failed = [attempt(1, "unknown", "no answer"), attempt(2, "retry", "answered 500")]
    due_at = AT + 30 * SECOND
    made = replace(notification(SLACK, "raised"), requested_at=AT, state="pending", due_at=due_at)
    story = history(made, failed)
    assert [(step.state, step.reason, step.until) for step in story] == [
        ("queued", None, None),
        ("sending", None, None),
        ("ambiguous", "no answer", None),
        ("sending", None, None),
        ("failed_for_now", "answered 500", due_at),
    ]


@pytest.mark.parametrize(
    ("state", "step"),
    [("failed", "failed"), ("cancelled", "suppressed"), ("superseded", "suppressed")],
)
def test_end_tells_its_reason(state: Any, step: str) -> None:
    calls = [attempt(1, "failed", "no")] if step == "failed" else []
    story = steps(calls, state=state, due_at=None, ended_at=AT + 11 * SECOND, reason="no")
    assert story[-1] == (step, 11.0, "no")
    assert [each[0] for each in story].count("failed") == len(calls)


def test_page_held_back_waits_until_the_next_summary_and_is_sent_in_it() -> None:
    waiting = replace(
        notification(SLACK, "raised"),
        requested_at=AT,
        state="held_back",
        held_back_at=AT,
        due_at=None,
        reason=FULL,
    )
    summary_at = AT + timedelta(minutes=1)
    assert [(step.state, step.reason, step.until) for step in history(waiting, [], summary_at)] == [
        ("queued", None, None),
        ("delayed", FULL, summary_at),
    ]
    grouped = history(replace(waiting, state="grouped", sent_at=summary_at), [])
    assert [(step.state, step.reason) for step in grouped] == [
        ("queued", None),
        ("delayed", FULL),
        ("sent", "in a summary"),
    ]


def test_stand_in_tells_for_which_medium_and_why_it_waits() -> None:
    down = "Slack is down"
    story = steps([], state="pending", failover_from="sms", delay_reason=down)
    assert story == [("queued", 0, "failover from sms"), ("delayed", 0, down)]
