"""What an outside system reports about a message later: load, decide, record."""

from typing import Final

from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from notifier.domain import receipts
from notifier.domain.delivery import RetryPolicy
from notifier.domain.errors import AttemptUnderWayError, NotificationNotFoundError
from notifier.domain.notifications import Notification
from notifier.domain.receipts import NotDelivered, Report
from notifier.handlers import record
from notifier.later_steps import cancel_later_steps, hasten_next_step
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import failover, summaries

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
    notification = await _lock(notification_id, uow)
    if isinstance(report, NotDelivered):
        if notification.state == "sending":
            raise AttemptUnderWayError
        if receipts.has_come(uow.notifications.of_summary(notification_id)):
            return
    escalation = None
    if notification.escalation_id is not None:
        escalation = await uow.escalations.lock(notification.escalation_id)
    decision = receipts.receive(notification, report, message_id, escalation, policy, uow.now)
    if decision.notification != notification:
        record(await failover.after_failure(decision, uow), uow)
        await _follow(notification, decision.notification, uow)


async def _lock(notification_id: NotificationId, uow: UnitOfWork) -> Notification:
    """Lock the message and, of a summary, the pages that it carries."""
    unlocked = await uow.notifications.get(notification_id)
    if unlocked is None or unlocked.medium not in _MEDIA:
        raise NotificationNotFoundError
    contact_ids = {unlocked.contact_id}
    if unlocked.kind == "summary":
        contact_ids |= await uow.notifications.contacts_of_summaries((notification_id,))
    await uow.lock_contacts(sorted(contact_ids))
    notification = await uow.notifications.lock(notification_id)
    if notification is None:
        raise NotificationNotFoundError
    return notification


async def _follow(before: Notification, after: Notification, uow: UnitOfWork) -> None:
    """Let what depends on the message share what was reported about it."""
    if after.kind == "summary":
        await summaries.record_pages(after, uow)
    if after.state == "failed" and after.kind == "page":
        hasten_next_step(after, uow)
    if after.seen_at and not before.seen_at:
        cancel_later_steps(before, f"seen on {before.medium}", uow)
