"""What an outside system reports about a message later: load, decide, record."""

from typing import Final

from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from notifier.domain import receipts
from notifier.domain.delivery import RetryPolicy
from notifier.domain.errors import AttemptUnderWayError, NotificationNotFoundError
from notifier.domain.receipts import NotDelivered, Report
from notifier.handlers import record
from notifier.later_steps import cancel_later_steps, hasten_next_step
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import failover

_MEDIA: Final[tuple[Medium, ...]] = ("sms", "voice", "whatsapp")


async def receive(
    notification_id: NotificationId,
    message_id: str,
    report: Report,
    policy: RetryPolicy,
    uow: UnitOfWork,
) -> None:
    """Take a report about a message or a call.

    Raises NotificationNotFoundError, or AttemptUnderWayError for a failure before the attempt is
    recorded.
    """
    unlocked = await uow.notifications.get(notification_id)
    if unlocked is None or unlocked.medium not in _MEDIA:
        raise NotificationNotFoundError
    await uow.lock_contacts((unlocked.contact_id,))
    notification = await uow.notifications.lock(notification_id)
    if notification is None:
        raise NotificationNotFoundError
    if notification.state == "sending" and isinstance(report, NotDelivered):
        raise AttemptUnderWayError
    escalation = None
    if notification.escalation_id is not None:
        escalation = await uow.escalations.lock(notification.escalation_id)
    decision = receipts.receive(notification, report, message_id, escalation, policy, uow.now)
    if decision.notification == notification:
        return
    record(await failover.after_failure(decision, uow), uow)
    if decision.notification.state == "failed" and notification.kind == "page":
        hasten_next_step(decision.notification, uow)
    if decision.notification.seen_at and not notification.seen_at:
        cancel_later_steps(notification, f"seen on {notification.medium}", uow)
