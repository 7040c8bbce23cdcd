"""What becomes of the pages in a summary: load, decide, record."""

from notifier.domain import brake, receipts
from notifier.domain.notifications import Notification
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import failover


async def record_pages(summary: Notification, uow: UnitOfWork) -> None:
    """Let the pages of a summary share its outcome, or what was reported about it later.

    Their contacts must be locked.
    """
    for page in uow.notifications.of_summary(summary.notification_id):
        decision = receipts.follow_summary(page, summary, uow.now)
        if decision.notification != page:
            await failover.record_outcome(decision, uow)
    if summary.state in ("sent", "failed"):
        uow.notifications.put(brake.emptied(summary))
