from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from common.contracts.notifications import NotificationFailed, NotificationSent
from notifier.domain import delivering, notifications
from notifier.domain.delivering import Outcome, Patience, Postponed, Refused, Sent, Unknown
from notifier.domain.notifications import Decision, Notification
from unit.notifier.examples import AT, EMAIL, ID, notification

PATIENCE = Patience(attempts=3)
MINUTE = timedelta(minutes=1)


def begun(due: Notification) -> Decision:
    return delivering.take_up(due, PATIENCE, AT)


def ended(taken: Decision, outcome: Outcome) -> Decision:
    return delivering.record(
        taken.notification, taken.attempts[-1], outcome, PATIENCE, 1.0, AT + MINUTE
    )


@given(st.integers(1, 500), st.floats(0.5, 1))
def test_delays_double_up_to_the_longest(attempts: int, spread: float) -> None:
    patience = Patience()
    delay = delivering.retry_delay(attempts, patience, spread)
    assert timedelta(0) < delay <= patience.longest_delay
    assert delay <= delivering.retry_delay(attempts + 1, patience, spread)


def test_delays_without_spread() -> None:
    seconds = [
        delivering.retry_delay(attempts, Patience(), 1.0).total_seconds()
        for attempts in range(1, 10)
    ]
    assert seconds == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@given(st.integers(1, 20), st.timedeltas(timedelta(0), timedelta(hours=1)))
def test_we_never_come_back_sooner_than_asked(attempts: int, asked: timedelta) -> None:
    assert delivering.retry_delay(attempts, Patience(), 0.5, asked) >= asked


def test_an_attempt_is_leased_for_longer_than_it_may_take() -> None:
    taken = begun(notification())
    assert (taken.notification.state, taken.notification.attempts) == ("sending", 1)
    assert taken.notification.due_at == AT + PATIENCE.lease > AT + PATIENCE.timeout
    (attempt,) = taken.attempts
    assert (attempt.attempt, attempt.outcome) == (1, None)


def test_what_is_taken_is_sent() -> None:
    done = ended(begun(notification()), Sent({"channel": "D0123", "ts": "1.2"}))
    assert (done.notification.state, done.notification.due_at) == ("sent", None)
    assert done.notification.receipt == {"channel": "D0123", "ts": "1.2"}
    (sent,) = done.events
    assert isinstance(sent, NotificationSent)
    assert (sent.attempt, sent.ambiguous, sent.medium) == (1, False, "slack")
    assert [(one.outcome, one.detail) for one in done.attempts] == [
        ("sent", "channel D0123, ts 1.2")
    ]


def test_what_is_postponed_is_tried_again_no_sooner_than_asked() -> None:
    done = ended(begun(notification()), Postponed("busy", timedelta(seconds=30)))
    assert done.notification.state == "pending"
    assert done.notification.due_at == AT + MINUTE + timedelta(seconds=30)
    assert not done.notification.ambiguous
    assert done.attempts[0].detail == "busy; asked to wait 30 s"
    assert not done.events


def test_what_may_have_arrived_stays_ambiguous_to_the_end() -> None:
    first = ended(begun(notification()), Unknown("no answer"))
    second = ended(begun(first.notification), Postponed("busy"))
    (sent,) = ended(begun(second.notification), Sent({})).events
    assert isinstance(sent, NotificationSent)
    assert (sent.attempt, sent.ambiguous) == (3, True)


def test_a_refusal_ends_it() -> None:
    done = ended(begun(notification(EMAIL)), Refused("550 no such user"))
    assert done.notification.state == "failed"
    (failed,) = done.events
    assert isinstance(failed, NotificationFailed)
    assert (failed.reason, failed.attempts, failed.medium) == ("550 no such user", 1, "email")


def test_patience_ends() -> None:
    tried = notification()
    for _ in range(PATIENCE.attempts):
        assert tried.state == "pending"
        tried = ended(begun(tried), Postponed("busy")).notification
    assert (tried.state, tried.because) == ("failed", "gave up after 3 attempts: busy")


def test_a_lost_attempt_is_made_again_as_ambiguous() -> None:
    lost = begun(notification()).notification
    taken = begun(lost)
    assert (taken.notification.attempts, taken.notification.ambiguous) == (2, True)
    first, second = taken.attempts
    assert (first.attempt, first.outcome) == (1, "unknown")
    assert (second.attempt, second.outcome) == (2, None)


def test_losing_the_last_attempt_is_a_failure() -> None:
    last = replace(begun(notification()).notification, attempts=PATIENCE.attempts)
    done = begun(last)
    assert done.notification.state == "failed"
    assert [type(event) for event in done.events] == [NotificationFailed]
    assert [one.outcome for one in done.attempts] == ["unknown"]


def test_a_latecomer_that_failed_decides_nothing() -> None:
    first = begun(notification())
    second = begun(first.notification)
    late = replace(first, notification=second.notification)
    done = ended(late, Refused("too late"))
    assert done.notification == second.notification
    assert not done.events
    assert done.attempts[0].outcome == "failed"


def test_a_latecomer_that_succeeded_ends_it() -> None:
    first = begun(notification())
    second = begun(first.notification)
    late = replace(first, notification=second.notification)
    done = ended(late, Sent({}))
    assert done.notification.state == "sent"
    again = ended(replace(second, notification=done.notification), Sent({}))
    assert not again.events


def test_updates_are_no_news() -> None:
    page = ended(begun(notification()), Sent({"channel": "D0123", "ts": "1.2"})).notification
    update = notifications.update(page, "Acknowledged by Dana", ID, AT)
    assert (update.state, update.attempts, update.receipt) == ("pending", 0, page.receipt)
    assert not ended(begun(update), Sent({})).events
    assert not ended(begun(update), Refused("message_not_found")).events
