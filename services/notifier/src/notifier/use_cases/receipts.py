"""What an outside system reports about a message later: load, decide, record."""

from collections.abc import Collection, Mapping
from typing import Final

from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from common.core.mailboxes import mailbox_key
from notifier.domain import receipts
from notifier.domain.delivery import RetryPolicy
from notifier.domain.errors import AttemptUnderWayError, NotificationNotFoundError
from notifier.domain.notifications import Notification
from notifier.domain.receipts import NotDelivered, Report
from notifier.later_steps import cancel_later_steps
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import failover, summaries

_BY_TELEPHONE: Final[tuple[Medium, ...]] = ("sms", "voice", "whatsapp")
# A mail server has tried for hours before it reports that a mail did not arrive.
_NO_FURTHER_MAIL: Final = RetryPolicy(attempts=1)
_BY_MAIL: Final[tuple[Medium, ...]] = ("email",)


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
    notification = await _lock(notification_id, _BY_TELEPHONE, uow)
    if notification is None:
        raise NotificationNotFoundError
    await _receive(notification, message_id, report, policy, uow)


async def receive_by_mail(
    notification_id: NotificationId,
    message_id: str,
    reports: Mapping[str, Report],
    uow: UnitOfWork,
) -> None:
    """Take what a mail server reports about a mail, by `mailbox_key` of its receiver.

    Anybody can write such a report: one about a mail that was not sent, or not to any of these
    addresses, changes nothing. Raises AttemptUnderWayError as `receive` does.
    """
    notification = await _lock(notification_id, _BY_MAIL, uow)
    if notification is None or notification.address is None:
        return
    report = reports.get(mailbox_key(notification.address.details["address"]))
    if report is None or receipts.named_by(notification) not in (None, message_id):
        return
    await _receive(notification, message_id, report, _NO_FURTHER_MAIL, uow)


async def _receive(
    notification: Notification,
    message_id: str,
    report: Report,
    policy: RetryPolicy,
    uow: UnitOfWork,
) -> None:
    if isinstance(report, NotDelivered):
        if notification.state == "sending":
            raise AttemptUnderWayError
        if receipts.has_come(uow.notifications.of_summary(notification.notification_id)):
            return
    escalation = None
    if notification.escalation_id is not None:
        escalation = await uow.escalations.lock(notification.escalation_id)
    decision = receipts.receive(notification, report, message_id, escalation, policy, uow.now)
    if decision.notification != notification:
        after = await failover.record_outcome(decision, uow)
        await _follow(notification, after, uow)


async def _lock(
    notification_id: NotificationId, media: Collection[Medium], uow: UnitOfWork
) -> Notification | None:
    """Lock the message and, of a summary, the pages that it carries; None if it is of no medium."""
    unlocked = await uow.notifications.get(notification_id)
    if unlocked is None or unlocked.medium not in media:
        return None
    contact_ids = {unlocked.contact_id}
    if unlocked.kind == "summary":
        contact_ids |= await uow.notifications.contacts_of_summaries((notification_id,))
    await uow.lock_contacts(sorted(contact_ids))
    return await uow.notifications.lock(notification_id)


async def _follow(before: Notification, after: Notification, uow: UnitOfWork) -> None:
    """Let what depends on the message share what was reported about it."""
    if after.kind == "summary":
        await summaries.record_pages(after, uow)
    if after.seen_at and not before.seen_at:
        cancel_later_steps(before, f"seen on {before.medium}", uow)
