"""How often and when delivery of a notification is tried, and what follows from each attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from common.contracts.event import Event
from common.contracts.notifications import NotificationSent
from notifier.domain import delivery_reasons
from notifier.domain.delivery_reasons import DeliveryReason
from notifier.domain.notifications import (
    Attempt,
    AttemptOutcome,
    Decision,
    Notification,
    failure,
    stop,
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The number of attempts, the delays between them, and the time limit of one call."""

    attempts: int = 8
    first_delay: timedelta = timedelta(seconds=0.5)
    longest_delay: timedelta = timedelta(seconds=60)
    timeout: timedelta = timedelta(seconds=5)

    @property
    def lease(self) -> timedelta:
        """Long enough to call and to record; an attempt that takes longer counts as lost."""
        return 2 * self.timeout


@dataclass(frozen=True, slots=True)
class Sent:
    """The outside system accepted it; `receipt` is how it names the message.

    `editable`: the message can be changed there. `gone_devices` exist no longer. `receipt_within`:
    the outside system says in this time whether it arrived; None if it never does.
    """

    receipt: Mapping[str, str]
    editable: bool = False
    gone_devices: tuple[str, ...] = ()
    receipt_within: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """It did not arrive, but may later: not before `wait`, if the outside system asked for that.

    `works`: the outside system works, only this message has to wait.
    """

    reason: str
    wait: timedelta | None = None
    gone_devices: tuple[str, ...] = ()
    works: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not arrive and never will."""

    reason: str
    gone_devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have arrived. A second message is better than none."""

    reason: str


Outcome = Sent | Postponed | Refused | Unknown


def claim(notification: Notification, policy: RetryPolicy, at: datetime) -> Decision:
    """Begin an attempt. One that is still being sent was lost with the process that sent it."""
    lost = end_lost_attempt(notification, at)
    if not has_attempt_left(notification, policy):
        decision = fail(notification, delivery_reasons.OUTCOME_LOST, at)
        return replace(decision, attempts=lost.attempts)
    claimed = replace(
        lost.notification,
        state="sending",
        due_at=at + policy.lease,
        attempts=notification.attempts + 1,
        began_at=at,
        delay_reason=None,
    )
    return replace(lost, notification=claimed)


def has_attempt_left(notification: Notification, policy: RetryPolicy) -> bool:
    return notification.attempts < policy.attempts


def end_lost_attempt(notification: Notification, at: datetime) -> Decision:
    """End the attempt whose process died before it recorded the outcome; it may have arrived."""
    lost = notification.attempt_under_way
    if lost is None:
        return Decision(notification)
    detail = "no outcome was recorded in time: the process may have died"
    ended = replace(lost, ended_at=at, outcome="unknown", detail=detail)
    return Decision(replace(notification, ambiguous=True), attempts=(ended,))


def record(
    notification: Notification,
    attempt: Attempt,
    outcome: Outcome,
    policy: RetryPolicy,
    spread: float,
    at: datetime,
) -> Decision:
    """Record how an attempt ended, and what is next. `spread` is as in `retry_delay`."""
    decision = _consequence(notification, attempt, outcome, policy, spread, at)
    return replace(decision, attempts=(_ended(attempt, outcome, at),))


def _consequence(
    notification: Notification,
    attempt: Attempt,
    outcome: Outcome,
    policy: RetryPolicy,
    spread: float,
    at: datetime,
) -> Decision:
    if notification.state not in ("pending", "sending"):
        return Decision(notification)
    if isinstance(outcome, Sent):
        return _sent(notification, attempt, outcome, at)
    if notification.attempts != attempt.attempt:
        # Our lease ran out and another attempt has begun: the other one decides.
        return Decision(notification)
    if isinstance(outcome, Refused):
        return fail(notification, delivery_reasons.refused(outcome.reason), at)
    if isinstance(outcome, Unknown):
        notification = replace(notification, ambiguous=True)
    if notification.attempts >= policy.attempts:
        reason = delivery_reasons.gave_up(notification.attempts, outcome.reason)
        return fail(notification, reason, at)
    at_least = outcome.wait if isinstance(outcome, Postponed) else None
    delay = retry_delay(notification.attempts, policy, spread, at_least)
    return Decision(replace(notification, state="pending", due_at=at + delay))


def retry_delay(
    attempts: int, policy: RetryPolicy, spread: float, at_least: timedelta | None = None
) -> timedelta:
    """Return the delay after so many attempts: it doubles, and is never less than `at_least`.

    `spread`, above 0 and at most 1, shortens our own delay, so that retries do not come together.
    """
    own = doubled_delay(policy.first_delay, attempts, policy.longest_delay) * spread
    return max(own, at_least or timedelta(0))


def doubled_delay(first: timedelta, attempts: int, longest: timedelta) -> timedelta:
    return min(first * float(2 ** min(attempts - 1, 30)), longest)


def _sent(notification: Notification, attempt: Attempt, outcome: Sent, at: datetime) -> Decision:
    sent = replace(
        notification,
        state="sent",
        due_at=None,
        sent_at=at,
        receipt=dict(outcome.receipt),
        editable=outcome.editable,
        receipt_due_at=at + outcome.receipt_within if outcome.receipt_within else None,
    )
    # A message that was sent again is no further success.
    is_first = notification.sent_at is None
    return Decision(sent, _success(sent, attempt.attempt, at) if is_first else ())


def _success(sent: Notification, attempt: int, at: datetime) -> tuple[Event, ...]:
    """Return the event of a page that arrived; other messages were not requested."""
    if sent.kind != "page" or sent.medium is None:
        return ()
    event = NotificationSent(
        contact_id=sent.contact_id,
        occurred_at=at,
        notification_id=sent.notification_id,
        page_id=sent.page_id,
        person_id=sent.person_id,
        medium=sent.medium,
        attempt=attempt,
        ambiguous=sent.ambiguous,
    )
    return (event,)


def fail(notification: Notification, reason: DeliveryReason, at: datetime) -> Decision:
    """Give up for good. Only a page is reported: the others were not requested."""
    failed = replace(stop(notification, "failed", reason), ended_at=at)
    events: tuple[Event, ...] = (failure(failed, at),) if failed.kind == "page" else ()
    return Decision(failed, events)


def group(page: Notification, summary: Notification, at: datetime) -> Decision:
    """Let a page that was held back count as sent: the summary that carries it was."""
    grouped = replace(page, state="grouped", sent_at=at, ambiguous=summary.ambiguous)
    return Decision(grouped, _success(grouped, summary.attempts, at))


def _ended(attempt: Attempt, outcome: Outcome, at: datetime) -> Attempt:
    word, detail = _described(outcome)
    return replace(attempt, ended_at=at, outcome=word, detail=detail)


def _described(outcome: Outcome) -> tuple[AttemptOutcome, str]:
    match outcome:
        case Sent(receipt=receipt):
            # The channel is the recipient's address, which fewer people may read.
            names = (name for name in receipt if name != "channel")
            return "sent", ", ".join(f"{name} {receipt[name]}" for name in names)
        case Postponed(reason, wait):
            request = f"; asked to wait {wait.total_seconds():g} s" if wait else ""
            return "retry", reason + request
        case Refused(reason):
            return "failed", reason
        case Unknown(reason):
            return "unknown", reason
        case _:
            assert_never(outcome)
