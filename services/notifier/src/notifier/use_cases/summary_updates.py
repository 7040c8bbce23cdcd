"""What a summary becomes: a change of the message before, if that is right."""

from collections.abc import Sequence

from notifier.domain import summary_updates
from notifier.domain.brake import BrakePolicy
from notifier.domain.notifications import Notification
from notifier.domain.summary_updates import EarlierSummary
from notifier.store.unit_of_work import UnitOfWork


async def change_earlier(
    summary: Notification,
    pages: Sequence[Notification],
    policy: BrakePolicy,
    uow: UnitOfWork,
) -> tuple[Notification, tuple[Notification, ...]] | None:
    """As `summary_updates.change_earlier`, with what the person got before."""
    if not policy.update_window:
        return None
    before = await uow.notifications.last_summary(summary)
    if before is None:
        return None
    shown = await uow.notifications.of_message(
        summary.person_id, summary_updates.message_ids(before)
    )
    escalation_ids = [page.escalation_id for page in shown if page.escalation_id]
    escalations = await uow.escalations.get_all(escalation_ids)
    earlier = EarlierSummary(before, tuple(shown), escalations)
    return summary_updates.change_earlier(summary, pages, earlier, policy, uow.now)
