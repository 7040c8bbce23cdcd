"""Another method of the person stands in for one that fails, is down, or sends no receipt."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from common.contracts.event import ContactId, NotificationId
from common.contracts.notifications import Medium
from notifier.domain import circuits, delivery, failover, notifications, receipts
from notifier.domain.delivery import RetryPolicy
from notifier.domain.delivery_reasons import OUTCOME_LOST, DeliveryReason, waited_too_long
from notifier.domain.notifications import Decision, Notification
from notifier.domain.recipients import obstacle_on
from notifier.handlers import new_notification_id, record
from notifier.later_steps import hasten_next_step
from notifier.store.put_aside import put_aside
from notifier.store.unit_of_work import UnitOfWork

log = structlog.get_logger()


@dataclass(slots=True)
class Diversion:
    """For which media another method stands in, and what is a dead letter: it can't be read."""

    media: list[Medium] = field(default_factory=list)
    put_aside: list[tuple[Medium | None, NotificationId, Exception]] = field(default_factory=list)


async def record_outcome(decision: Decision, uow: UnitOfWork) -> Notification:
    """Record it; of a page that has failed let another method or the next step take over.

    The notifications of its contact must be locked.
    """
    decision = await _after_failure(decision, uow)
    record(decision, uow)
    after = decision.notification
    if after.kind == "page" and after.state == "failed":
        hasten_next_step(after, uow)
    return after


async def _after_failure(decision: Decision, uow: UnitOfWork) -> Decision:
    """Let the next method stand in for a page that has just failed, and say so in its event.

    The page has reached nobody only once that method has failed as well.
    """
    failed = decision.notification
    if failed.kind != "page" or failed.state != "failed" or not decision.events:
        return decision
    messages = _messages_of(failed, uow)
    # As this transaction has it, the message itself may still count as sent.
    others = [each for each in messages if each.notification_id != failed.notification_id]
    if failover.has_reached(others) or not await _stand_in(failed, (), uow):
        return decision
    media = failover.media_of(_messages_of(failed, uow))
    failed = replace(failed, page_media=media)
    failure = notifications.failure(failed, uow.now)
    return replace(decision, notification=failed, events=(failure,))


async def fail_hopeless(
    contact_ids: Collection[ContactId], policy: RetryPolicy, uow: UnitOfWork
) -> None:
    """Let pages fail that are due, but can't be sent or have no attempt left; others stand in."""
    await uow.lock_readable(sorted(contact_ids))
    for page in _current(uow.notifications.loaded(), uow):
        if page.kind != "page" or not _is_due(page, uow.now):
            continue
        reason = await _hopeless_reason(page, policy, uow)
        if reason is None:
            continue
        lost = delivery.end_lost_attempt(page, uow.now)
        failed = delivery.fail(lost.notification, reason, uow.now)
        await record_outcome(replace(failed, attempts=lost.attempts), uow)


async def _hopeless_reason(
    page: Notification, policy: RetryPolicy, uow: UnitOfWork
) -> DeliveryReason | None:
    recipient = await uow.recipients.get(page.person_id)
    if obstacle := obstacle_on(recipient, page.medium):
        return obstacle
    return None if delivery.has_attempt_left(page, policy) else OUTCOME_LOST


async def divert(
    delays: Mapping[Medium, str], longest_wait: timedelta, limit: int, uow: UnitOfWork
) -> Diversion:
    """Let pages on these media say why they wait, and others stand in.

    A page that has waited too long has failed, so that the escalation goes on. What is not due yet,
    as a later step or what is under maintenance, waits for other reasons.
    """
    expired = uow.now - longest_wait
    contact_ids = await uow.notifications.waiting_contacts(list(delays), uow.now, expired, limit)
    if not contact_ids:
        return Diversion()
    diversion = await _put_unreadable_aside(contact_ids, uow)
    due = [
        each
        for each in uow.notifications.loaded()
        if each.state == "pending" and _is_due(each, uow.now)
    ]
    since = await _waiting_since(due, uow)
    for page in _current(due, uow):
        delay = delays.get(page.medium) if page.medium else None
        if page.medium is None or delay is None:
            continue
        is_new = not circuits.is_down_reason(page.delay_reason, page.medium)
        waiting = replace(page, delay_reason=delay)
        if is_new:
            uow.notifications.put(waiting)
            if page.kind == "page" and await _stand_in(waiting, delays, uow):
                diversion.media.append(page.medium)
        elif page.kind == "page" and since[page.notification_id] <= expired:
            await record_outcome(delivery.fail(page, waited_too_long(delay), uow.now), uow)
    return diversion


async def _put_unreadable_aside(contact_ids: Sequence[ContactId], uow: UnitOfWork) -> Diversion:
    """Lock all about these contacts; what is due and can't be read delays nothing else."""
    diversion = Diversion()
    for row, error in await uow.lock_readable(contact_ids):
        notification_id = NotificationId(row["notification_id"])
        if _is_overdue(row["due_at"], uow.now) and await put_aside(notification_id, error, uow):
            diversion.put_aside.append((row["medium"], notification_id, error))
    return diversion


def _is_due(notification: Notification, at: datetime) -> bool:
    """Return whether an attempt is due, also after one that was lost."""
    return _is_overdue(notification.due_at, at)


def _is_overdue(due_at: datetime | None, at: datetime) -> bool:
    return due_at is not None and due_at <= at


async def _waiting_since(
    pages: Iterable[Notification], uow: UnitOfWork
) -> Mapping[NotificationId, datetime]:
    """Return when each of these was first due: what was sent never is due since then."""
    due_at = {page.notification_id: page.due_at for page in pages if page.due_at}
    attempts = await uow.attempts.of([*due_at])
    first = {each: calls[0].started_at for each, calls in attempts.items()}
    return {**due_at, **first}


async def replace_overdue(limit: int, uow: UnitOfWork) -> list[Medium]:
    """Let another method stand in for each page without a receipt in time; return for which media.

    The page counts as sent all the same: it may have arrived. The receipt of a summary is that of
    the pages in it.
    """
    contact_ids = await uow.notifications.contacts_without_receipt(uow.now, limit)
    if not contact_ids:
        return []
    unreadable = await uow.lock_readable(contact_ids)
    overdue = [row for row, _ in unreadable if _is_overdue(row["receipt_due_at"], uow.now)]
    if ids := [row["notification_id"] for row in overdue]:
        # Nobody can tell what would stand in for them.
        log.error("overdue_messages_unreadable", notification_ids=ids)
        await uow.notifications.forget_receipts(ids)
    replaced = []
    for message in _current(uow.notifications.loaded(), uow):
        if not _is_overdue(message.receipt_due_at, uow.now) or message.delivered_at:
            continue
        uow.notifications.put(replace(message, receipt_due_at=None))
        pages = _pages_in(message, uow)
        if receipts.has_come((message, *pages)):
            continue
        replaced += [page.medium for page in pages if await _stand_in(page, (), uow)]
    return [medium for medium in replaced if medium]


async def _stand_in(page: Notification, down: Collection[Medium], uow: UnitOfWork) -> bool:
    """Add a message on the person's next medium, if there is one that the page has not used.

    The notifications of the contact must be locked.
    """
    try:
        recipient = await uow.recipients.get(page.person_id)
    except ValueError as error:
        log.warning("recipient_unreadable", person_id=page.person_id, error=repr(error))
        return False
    if recipient is None or not recipient.active or not await _is_relevant(page, uow):
        return False
    messages = _messages_of(page, uow)
    address = failover.next_address(recipient, messages, down)
    if address is None:
        return False
    media = (*failover.media_of((page, *messages)), address.medium)
    for each in messages:
        uow.notifications.put(replace(each, page_media=media))
    uow.notifications.add(failover.stand_in(page, address, new_notification_id(), media, uow.now))
    return True


def _current(notifications: Iterable[Notification], uow: UnitOfWork) -> Iterator[Notification]:
    """Yield each as it is by then: what stands in for one changes the others of its page."""
    for each in list(notifications):
        yield uow.notifications.locked(each.notification_id) or each


def _pages_in(message: Notification, uow: UnitOfWork) -> list[Notification]:
    """Return the pages that the message carries."""
    if message.kind == "page":
        return [message]
    carried = uow.notifications.of_summary(message.notification_id)
    return [page for page in carried if page.state == "grouped"]


def _messages_of(page: Notification, uow: UnitOfWork) -> list[Notification]:
    return [each for each in uow.notifications.of_page(page.page_id) if each.kind == "page"]


async def _is_relevant(page: Notification, uow: UnitOfWork) -> bool:
    if page.escalation_id is None:
        return True
    escalation = await uow.escalations.lock_about(page.escalation_id, page.contact_id)
    return escalation is None or notifications.is_relevant(page, escalation)
