from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from common.contracts.notifications import NotificationFailed, NotificationSent
from notifier.domain import delivery, notifications
from notifier.domain.content import Status
from notifier.domain.delivery import Outcome, Postponed, Refused, RetryPolicy, Sent, Unknown
from notifier.domain.notifications import Decision, Notification
from unit.notifier.examples import AT, EMAIL, ID, notification

POLICY = RetryPolicy(attempts=3)
MINUTE = timedelta(minutes=1)


def begin(due: Notification) -> Decision:
    return delivery.claim(due, POLICY, AT)


def end(begun: Decision, outcome: Outcome, now: Notification | None = None) -> Decision:
    """Record how the attempt ended; `now` is what became of the notification meanwhile."""
    attempt = begun.notification.attempt_under_way
    assert attempt
    return delivery.record(now or begun.notification, attempt, outcome, POLICY, 1.0, AT + MINUTE)


@given(st.integers(1, 500), st.floats(0.5, 1))
def test_delay_doubles_up_to_the_longest(attempts: int, spread: float) -> None:
    policy = RetryPolicy()
    delay = delivery.retry_delay(attempts, policy, spread)
    assert timedelta(0) < delay <= policy.longest_delay
    assert delay <= delivery.retry_delay(attempts + 1, policy, spread)


def test_delay_without_spread_is_exact() -> None:
    seconds = [
        delivery.retry_delay(attempts, RetryPolicy(), 1.0).total_seconds()
        for attempts in range(1, 10)
    ]
    assert seconds == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@given(st.integers(1, 20), st.timedeltas(timedelta(0), timedelta(hours=1)))
def test_retry_is_never_sooner_than_requested(attempts: int, at_least: timedelta) -> None:
    assert delivery.retry_delay(attempts, RetryPolicy(), 0.5, at_least) >= at_least


def test_attempt_is_leased_for_longer_than_a_call_may_take() -> None:
    claimed = begin(notification())
    assert (claimed.notification.state, claimed.notification.attempts) == ("sending", 1)
    assert claimed.notification.due_at == AT + POLICY.lease > AT + POLICY.timeout
    attempt = claimed.notification.attempt_under_way
    assert attempt
    assert (attempt.attempt, attempt.outcome) == (1, None)


def test_accepted_message_is_sent() -> None:
    done = end(begin(notification()), Sent({"channel": "D0123", "ts": "1.2"}))
    assert (done.notification.state, done.notification.due_at) == ("sent", None)
    assert done.notification.receipt == {"channel": "D0123", "ts": "1.2"}
    (sent,) = done.events
    assert isinstance(sent, NotificationSent)
    assert (sent.attempt, sent.ambiguous, sent.medium) == (1, False, "slack")
    assert [(attempt.outcome, attempt.detail) for attempt in done.attempts] == [("sent", "ts 1.2")]


def test_postponed_message_is_retried_no_sooner_than_requested() -> None:
    done = end(begin(notification()), Postponed("busy", timedelta(seconds=30)))
    assert done.notification.state == "pending"
    assert done.notification.due_at == AT + MINUTE + timedelta(seconds=30)
    assert not done.notification.ambiguous
    assert done.attempts[0].detail == "busy; asked to wait 30 s"
    assert not done.events


def test_message_that_may_have_arrived_stays_ambiguous() -> None:
    first = end(begin(notification()), Unknown("no answer"))
    second = end(begin(first.notification), Postponed("busy"))
    (sent,) = end(begin(second.notification), Sent({})).events
    assert isinstance(sent, NotificationSent)
    assert (sent.attempt, sent.ambiguous) == (3, True)


def test_refusal_is_a_failure() -> None:
    done = end(begin(notification(EMAIL)), Refused("550 no such user"))
    assert done.notification.state == "failed"
    (failed,) = done.events
    assert isinstance(failed, NotificationFailed)
    assert (failed.reason, failed.attempts, failed.medium) == ("550 no such user", 1, "email")


def test_last_attempt_is_a_failure() -> None:
    tried = notification()
    for _ in range(POLICY.attempts):
        assert tried.state == "pending"
        tried = end(begin(tried), Postponed("busy")).notification
    assert (tried.state, tried.reason) == ("failed", "gave up after 3 attempts: busy")


def test_lost_attempt_is_repeated_as_ambiguous() -> None:
    lost = begin(notification()).notification
    claimed = begin(lost)
    assert (claimed.notification.attempts, claimed.notification.ambiguous) == (2, True)
    (first,) = claimed.attempts
    assert (first.attempt, first.outcome) == (1, "unknown")
    second = claimed.notification.attempt_under_way
    assert second
    assert (second.attempt, second.outcome) == (2, None)


def test_loss_of_the_last_attempt_is_a_failure() -> None:
    last = replace(begin(notification()).notification, attempts=POLICY.attempts)
    done = begin(last)
    assert done.notification.state == "failed"
    assert [type(event) for event in done.events] == [NotificationFailed]
    assert [attempt.outcome for attempt in done.attempts] == ["unknown"]


def test_late_failure_changes_nothing() -> None:
    first = begin(notification())
    second = begin(first.notification)
    done = end(first, Refused("too late"), second.notification)
    assert done.notification == second.notification
    assert not done.events
    assert done.attempts[0].outcome == "failed"


def test_late_success_is_recorded_once() -> None:
    first = begin(notification())
    second = begin(first.notification)
    done = end(first, Sent({}), second.notification)
    assert done.notification.state == "sent"
    again = end(second, Sent({}), done.notification)
    assert not again.events


def test_update_publishes_no_event() -> None:
    page = end(begin(notification()), Sent({"channel": "D0123", "ts": "1.2"})).notification
    update = notifications.update(page, Status("acknowledged", by="Dana"), ID, AT)
    assert (update.state, update.attempts, update.receipt) == ("pending", 0, page.receipt)
    assert not end(begin(update), Sent({})).events
    assert not end(begin(update), Refused("message_not_found")).events
