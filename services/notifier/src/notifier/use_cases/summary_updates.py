"""What a summary becomes: a change of the message before, if that is right."""

from collections.abc import Sequence

import structlog

from notifier.domain import summary_updates
from notifier.domain.brake import BrakePolicy
from notifier.domain.notifications import Notification
from notifier.domain.summary_updates import EarlierSummary
from notifier.store.unit_of_work import UnitOfWork

log = structlog.get_logger()


async def change_earlier(
    summary: Notification,
    pages: Sequence[Notification],
    policy: BrakePolicy,
    uow: UnitOfWork,
) -> tuple[Notification, tuple[Notification, ...]] | None:
    """As `summary_updates.change_earlier`, with what the person got before."""
    if not policy.update_window:
        return None
    try:
        earlier = await _earlier(summary, uow)
    except ValueError as error:
        # A row that can't be read is no reason not to notify.
        log.warning("earlier_summary_unreadable", error=repr(error))
        return None
    if earlier is None:
        return None
    return summary_updates.change_earlier(summary, pages, earlier, policy, uow.now)


async def _earlier(summary: Notification, uow: UnitOfWork) -> EarlierSummary | None:
    before = await uow.notifications.last_summary(summary)
    if before is None:
        return None
    shown = await uow.notifications.of_message(
        summary.person_id, summary_updates.message_ids(before)
    )
    escalation_ids = [page.escalation_id for page in shown if page.escalation_id]
    escalations = await uow.escalations.get_all(escalation_ids)
    return EarlierSummary(before, tuple(shown), escalations)
