"""How often and when a notification is tried, and what comes of each attempt."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from common.contracts.event import Event
from common.contracts.notifications import NotificationSent
from notifier.domain.notifications import (
    Attempt,
    AttemptOutcome,
    Decision,
    Notification,
    failure,
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many attempts there are, the delays between them, and how long one may take."""

    attempts: int = 8
    first_delay: timedelta = timedelta(seconds=0.5)
    longest_delay: timedelta = timedelta(seconds=60)
    timeout: timedelta = timedelta(seconds=5)

    @property
    def lease(self) -> timedelta:
        """Long enough to call and to record; what is still sending after it was lost."""
        return 2 * self.timeout


@dataclass(frozen=True, slots=True)
class Sent:
    """The outside system took it; `receipt` is how it knows the message."""

    receipt: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Postponed:
    """It did not arrive, but may later, not before `wait` if that was asked for."""

    because: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not arrive and never will."""

    because: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was on its way when we lost sight of it. Told twice is better than not told."""

    because: str


Outcome = Sent | Postponed | Refused | Unknown


def take_up(notification: Notification, patience: Patience, at: datetime) -> Decision:
    """Begin an attempt at what is due. What was still being sent was lost by whoever sent it."""
    lost = _lost(notification, at)
    if notification.attempts >= patience.attempts:
        decision = _failed(notification, "the outcome of the last attempt was lost", at)
        return replace(decision, attempts=lost)
    taken = replace(
        notification,
        state="sending",
        due_at=at + patience.lease,
        attempts=notification.attempts + 1,
        began_at=at,
        ambiguous=notification.ambiguous or bool(lost),
    )
    attempt = Attempt(notification.notification_id, taken.attempts, at)
    return Decision(taken, attempts=(*lost, attempt))


def _lost(notification: Notification, at: datetime) -> tuple[Attempt, ...]:
    if notification.state != "sending" or notification.began_at is None:
        return ()
    return (
        Attempt(
            notification.notification_id,
            notification.attempts,
            notification.began_at,
            ended_at=at,
            outcome="unknown",
            detail="nobody recorded the outcome in time: the process may have died",
        ),
    )


def record(
    notification: Notification,
    attempt: Attempt,
    outcome: Outcome,
    patience: Patience,
    spread: float,
    at: datetime,
) -> Decision:
    """Write down how an attempt ended, and what is next. `spread` is as in `retry_delay`."""
    decision = _consequence(notification, attempt, outcome, patience, spread, at)
    return replace(decision, attempts=(_ended(attempt, outcome, at),))


def _consequence(
    notification: Notification,
    attempt: Attempt,
    outcome: Outcome,
    patience: Patience,
    spread: float,
    at: datetime,
) -> Decision:
    if notification.state not in ("pending", "sending"):
        return Decision(notification)
    if isinstance(outcome, Sent):
        return _sent(notification, attempt, outcome, at)
    if notification.attempts != attempt.attempt:
        # Our lease ran out and another attempt has begun: that one decides.
        return Decision(notification)
    if isinstance(outcome, Refused):
        return _failed(notification, outcome.because, at)
    if isinstance(outcome, Unknown):
        notification = replace(notification, ambiguous=True)
    if notification.attempts >= patience.attempts:
        because = f"gave up after {notification.attempts} attempts: {outcome.because}"
        return _failed(notification, because, at)
    asked = outcome.wait if isinstance(outcome, Postponed) else None
    delay = retry_delay(notification.attempts, patience, spread, asked)
    return Decision(replace(notification, state="pending", due_at=at + delay))


def retry_delay(
    attempts: int, patience: Patience, spread: float, asked: timedelta | None = None
) -> timedelta:
    """Return how long to wait after so many attempts: doubling, and never less than was asked.

    `spread`, above 0 and at most 1, shortens our own delay so that many don't come back at once.
    """
    doubled = patience.first_delay * float(2 ** min(attempts - 1, 30))
    own = min(doubled, patience.longest_delay) * spread
    return max(own, asked or timedelta(0))


def _sent(notification: Notification, attempt: Attempt, outcome: Sent, at: datetime) -> Decision:
    sent = replace(
        notification, state="sent", due_at=None, sent_at=at, receipt=dict(outcome.receipt)
    )
    if notification.kind == "update" or notification.medium is None:
        return Decision(sent)
    event = NotificationSent(
        contact_id=notification.contact_id,
        occurred_at=at,
        notification_id=notification.notification_id,
        page_id=notification.page_id,
        person_id=notification.person_id,
        medium=notification.medium,
        attempt=attempt.attempt,
        ambiguous=notification.ambiguous,
    )
    return Decision(sent, (event,))


def _failed(notification: Notification, because: str, at: datetime) -> Decision:
    failed = replace(notification, state="failed", due_at=None, because=because)
    # Nobody waits for an update: the page that it changes did arrive.
    events: tuple[Event, ...] = () if failed.kind == "update" else (failure(failed, at),)
    return Decision(failed, events)


def _ended(attempt: Attempt, outcome: Outcome, at: datetime) -> Attempt:
    word, detail = _told(outcome)
    return replace(attempt, ended_at=at, outcome=word, detail=detail)


def _told(outcome: Outcome) -> tuple[AttemptOutcome, str]:
    match outcome:
        case Sent(receipt):
            return "sent", ", ".join(f"{name} {value}" for name, value in receipt.items())
        case Postponed(because, wait):
            asked = f"; asked to wait {wait.total_seconds():g} s" if wait else ""
            return "retry", because + asked
        case Refused(because):
            return "failed", because
        case Unknown(because):
            return "unknown", because
        case _:
            assert_never(outcome)
