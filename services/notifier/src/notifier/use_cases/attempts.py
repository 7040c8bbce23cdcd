"""What an attempt ends in: load, decide, record."""

from notifier.domain import delivery, notifications
from notifier.domain.content import status_of
from notifier.domain.delivery import Outcome, RetryPolicy, Unknown
from notifier.domain.errors import NotificationNotFoundError
from notifier.domain.notifications import Notification
from notifier.handlers import correct
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import failover, summaries
from notifier.use_cases.delivery_claims import ClaimedDelivery
from notifier.use_cases.devices import forget_devices


async def record_attempt(
    claimed: ClaimedDelivery, outcome: Outcome, policy: RetryPolicy, spread: float, uow: UnitOfWork
) -> None:
    """Record how an attempt ended; correct the message if it is no longer relevant.

    The notifications of `claimed.contact_ids` to the same person must be locked.
    """
    notification = await uow.notifications.lock(claimed.notification.notification_id)
    if notification is None:
        raise NotificationNotFoundError
    decision = delivery.record(notification, claimed.attempt, outcome, policy, spread, uow.now)
    after = await failover.record_outcome(decision, uow)
    if not isinstance(outcome, Unknown) and outcome.gone_devices:
        await forget_devices(notification.person_id, outcome.gone_devices, uow)
    match notification.kind:
        case "page":
            await _correct_if_irrelevant(after, uow)
        case "summary":
            await summaries.record_pages(after, uow)
        case _:
            pass


async def _correct_if_irrelevant(page: Notification, uow: UnitOfWork) -> None:
    """Correct it if the escalation changed while it was being sent."""
    if page.escalation_id is None:
        return
    escalation = await uow.escalations.lock_about(page.escalation_id, page.contact_id)
    if escalation and not notifications.is_relevant(page, escalation):
        name = await uow.recipients.name(escalation.by) if escalation.by else None
        correct(page, status_of(escalation, name), uow)
