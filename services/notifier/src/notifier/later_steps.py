"""The later steps of a person's rule: what ends their wait."""

from collections.abc import Iterator

from msgspec.structs import replace

from common.contracts.event import EscalationId, PageId, PersonId
from notifier.domain import notifications
from notifier.domain.delivery_reasons import SUPERSEDED, no_longer_relevant
from notifier.domain.notifications import Notification, Page
from notifier.store.unit_of_work import UnitOfWork


def cancel_later_steps(message: Notification, reason: str, uow: UnitOfWork) -> None:
    """The person has seen or answered a message: what would only remind of it is not sent.

    The notifications of its contact must be locked.
    """
    waiting = _waiting(message.page_id, message.escalation_id, message.person_id, uow)
    for later in [each for each in waiting if each.notification_id != message.notification_id]:
        uow.notifications.put(notifications.cancel(later, no_longer_relevant(reason), uow.now))


def replace_earlier(page: Page, uow: UnitOfWork) -> None:
    """Let a page take the place of what still waits from an earlier one, and not begin again.

    So a step of ten minutes comes though the escalation is repeated every five.
    """
    if page.escalation_id is None:
        return
    waiting = [*_waiting(page.page_id, page.escalation_id, page.person_id, uow)]
    earlier = {each.medium: each for each in waiting if each.page_id != page.page_id}
    if not earlier:
        return
    for new in uow.notifications.of_page(page.page_id):
        before = earlier.get(new.medium)
        if before is None or before.due_at is None or new.due_at is None:
            continue
        if before.due_at < new.due_at:
            uow.notifications.put(replace(new, due_at=max(before.due_at, uow.now)))
        uow.notifications.put(notifications.cancel(before, SUPERSEDED, uow.now))


def hasten_next_step(failed: Notification, uow: UnitOfWork) -> None:
    """Nothing of the steps so far arrives any more: the next one need not wait.

    The notifications of its contact must be locked.
    """
    others = [each for each in uow.notifications.of_page(failed.page_id) if each.kind == "page"]
    later = [each for each in others if each.step > failed.step and _waits(each)]
    so_far = (each.state for each in others if each.step <= failed.step)
    if not later or any(state != "failed" for state in so_far):
        return
    next_step = min(each.step for each in later)
    for each in later:
        if each.step == next_step and each.due_at:
            uow.notifications.put(replace(each, due_at=min(each.due_at, uow.now)))


def _waiting(
    page_id: PageId, escalation_id: EscalationId | None, person_id: PersonId, uow: UnitOfWork
) -> Iterator[Notification]:
    """Yield the later steps of the person that wait, of all pages about the escalation."""
    about = (
        uow.notifications.of_escalation(escalation_id)
        if escalation_id
        else uow.notifications.of_page(page_id)
    )
    for each in about:
        if each.person_id == person_id and each.kind == "page" and _waits(each):
            yield each


def _waits(notification: Notification) -> bool:
    return notification.step > 1 and notifications.can_be_cancelled(notification)
