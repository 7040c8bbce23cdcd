"""What an outside system reports later about a message that it accepted, and what follows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from msgspec.structs import replace

from common.contracts.notifications import NotificationDelivered
from notifier.domain import answers, delivery, delivery_reasons, notifications
from notifier.domain.delivery import RetryPolicy, Sent
from notifier.domain.escalations import Escalation
from notifier.domain.notifications import Attempt, AttemptOutcome, Decision, Notification

# The outside system reports at times of its own: attempts do not come together.
_NO_SPREAD = 1.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is on the phone, or the person has answered the call."""


@dataclass(frozen=True, slots=True)
class Read:
    """The person has opened it."""


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """It did not arrive after all.

    `is_final`: another attempt would fail, too. If not, there is one after `wait` at the earliest,
    but no more than `attempts` in all.
    """

    reason: str
    is_final: bool = False
    wait: timedelta | None = None
    attempts: int | None = None


Report = Delivered | Read | NotDelivered


def receive(
    notification: Notification,
    report: Report,
    message_id: str,
    escalation: Escalation | None,
    policy: RetryPolicy,
    at: datetime,
) -> Decision:
    """Take a report about the message that the outside system names `message_id`.

    Reports come late, twice and in any order: what arrived stays so, and a report of a failure
    counts only for the latest message.
    """
    match report:
        case Delivered():
            return _deliver(notification, message_id, policy, at)
        case Read():
            delivered = _deliver(notification, message_id, policy, at)
            opened = answers.see(delivered.notification, at)
            events = (*delivered.events, *opened.events)
            return replace(opened, events=events, attempts=delivered.attempts)
        case NotDelivered():
            return _miss(notification, report, message_id, escalation, policy, at)
        case _:
            assert_never(report)


def _deliver(
    notification: Notification, message_id: str, policy: RetryPolicy, at: datetime
) -> Decision:
    if notification.delivered_at is not None or notification.medium is None:
        return Decision(notification)
    before = Decision(notification)
    is_unsent = notification.state in ("pending", "sending")
    if is_unsent and (attempt := _last_attempt(notification)):
        # The answer to our call was lost or is on its way, or an earlier report was wrong: no
        # further attempt.
        sent = Sent({"sid": message_id})
        before = delivery.record(notification, attempt, sent, policy, _NO_SPREAD, at)
    delivered = replace(before.notification, delivered_at=at)
    if notification.kind != "page":
        return replace(before, notification=delivered)
    event = NotificationDelivered(
        contact_id=notification.contact_id,
        occurred_at=at,
        notification_id=notification.notification_id,
        page_id=notification.page_id,
        person_id=notification.person_id,
        medium=notification.medium,
    )
    return replace(before, notification=delivered, events=(*before.events, event))


def _miss(
    notification: Notification,
    report: NotDelivered,
    message_id: str,
    escalation: Escalation | None,
    policy: RetryPolicy,
    at: datetime,
) -> Decision:
    is_latest = (notification.receipt or {}).get("sid") == message_id
    arrived = notification.delivered_at or notification.seen_at or notification.acted_at
    if notification.state != "sent" or not is_latest or arrived:
        return Decision(notification)
    limit = min(policy.attempts, report.attempts or policy.attempts)
    again = not report.is_final and notification.attempts < limit
    # What a summary carried is in it no longer, and what was answered needs no further message.
    again = again and notification.kind == "page" and _is_relevant(notification, escalation)
    if again:
        delay = delivery.retry_delay(notification.attempts, policy, _NO_SPREAD, report.wait)
        decision = Decision(replace(notification, state="pending", due_at=at + delay))
    else:
        decision = delivery.fail(notification, delivery_reasons.refused(report.reason), at)
    ended = _ended(notification, "retry" if again else "failed", report.reason, at)
    return replace(decision, attempts=ended)


def _is_relevant(notification: Notification, escalation: Escalation | None) -> bool:
    return escalation is None or notifications.is_relevant(notification, escalation)


def _last_attempt(notification: Notification) -> Attempt | None:
    if notification.began_at is None:
        return None
    return Attempt(notification.notification_id, notification.attempts, notification.began_at)


def _ended(
    notification: Notification, outcome: AttemptOutcome, detail: str, at: datetime
) -> tuple[Attempt, ...]:
    """Return the attempt of the message, whose outcome is another now."""
    attempt = _last_attempt(notification)
    if attempt is None:
        return ()
    return (replace(attempt, ended_at=at, outcome=outcome, detail=detail),)
