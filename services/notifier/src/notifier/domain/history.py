"""What happened to a notification, in order: each step with its time and its reason.

The rows of a notification and its attempts tell it, so that no step costs a write of its own.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, assert_never

from msgspec import Struct

from notifier.domain.notifications import Attempt, Notification

StepState = Literal[
    "queued",
    "delayed",
    "sending",
    "sent",
    "delivered",
    "seen",
    "acted_on",
    "failed_for_now",
    "failed",
    "ambiguous",
    "suppressed",
]


class Step(Struct, frozen=True):
    """`until`: when it goes on, where that is known."""

    state: StepState
    at: datetime
    reason: str | None = None
    until: datetime | None = None


def history(
    notification: Notification, attempts: Sequence[Attempt], summary_at: datetime | None = None
) -> list[Step]:
    """Return the steps by their time. `summary_at` is when the next summary to the person is due.

    Steps of one moment have the order in which they happen.
    """
    return sorted(_steps(notification, attempts, summary_at), key=lambda step: step.at)


def _steps(
    notification: Notification, attempts: Sequence[Attempt], summary_at: datetime | None
) -> Iterator[Step]:
    yield Step("queued", notification.requested_at, _cause(notification))
    yield from _delays(notification, summary_at)
    for attempt in attempts:
        yield from _attempt_steps(attempt, notification, is_last=attempt is attempts[-1])
    if notification.state == "grouped" and notification.sent_at:
        yield Step("sent", notification.sent_at, "in a summary")
    elif notification.sent_at and all(attempt.outcome != "sent" for attempt in attempts):
        # It was accepted, and the outside system reported later that it did not arrive.
        yield Step("sent", notification.sent_at)
    if notification.delivered_at:
        yield Step("delivered", notification.delivered_at)
    if notification.seen_at:
        yield Step("seen", notification.seen_at)
    if notification.acted_at:
        yield Step("acted_on", notification.acted_at, notification.action)
    if notification.ended_at:
        yield from _end(notification, notification.ended_at)


def _cause(notification: Notification) -> str | None:
    if notification.failover_from:
        return f"failover from {notification.failover_from}"
    return None


def _delays(notification: Notification, summary_at: datetime | None) -> Iterator[Step]:
    if notification.held_back_at:
        until = summary_at if notification.state == "held_back" else notification.sent_at
        # What a summary carries keeps the reason; what was cancelled meanwhile has another one.
        reason = notification.reason if notification.state in ("held_back", "grouped") else None
        yield Step("delayed", notification.held_back_at, reason or "held back", until)
    if notification.delay_reason and notification.state == "pending":
        since = notification.began_at or notification.requested_at
        yield Step("delayed", since, notification.delay_reason, notification.due_at)


def _attempt_steps(
    attempt: Attempt, notification: Notification, *, is_last: bool
) -> Iterator[Step]:
    yield Step("sending", attempt.started_at)
    if attempt.ended_at is None or attempt.outcome is None:
        return
    waits = is_last and notification.state == "pending"
    until = notification.due_at if waits else None
    detail = attempt.detail or None
    match attempt.outcome:
        case "sent":
            yield Step("sent", attempt.ended_at, detail)
        case "retry":
            yield Step("failed_for_now", attempt.ended_at, detail, until)
        case "unknown":
            yield Step("ambiguous", attempt.ended_at, detail, until)
        case "failed":
            # The notification ends with it, unless a lost attempt of it arrived after all.
            if notification.state != "failed":
                yield Step("failed_for_now", attempt.ended_at, detail)
        case _:
            assert_never(attempt.outcome)


def _end(notification: Notification, at: datetime) -> Iterator[Step]:
    if notification.state == "failed":
        yield Step("failed", at, notification.reason)
    elif notification.state in ("cancelled", "superseded"):
        yield Step("suppressed", at, notification.reason)
