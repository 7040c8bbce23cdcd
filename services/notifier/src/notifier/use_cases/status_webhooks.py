"""Who sets a status webhook, and what becomes of each status: load, decide, record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from common.contracts.event import ContactId, PageId, SystemName
from common.contracts.statuses import ContactStatus
from common.core.ids import derived_id
from common.core.preconditions import Precondition
from notifier.domain import own_messages, status_webhooks
from notifier.domain.errors import StatusWebhookChangedError, StatusWebhookNotFoundError
from notifier.domain.status_webhooks import (
    FAILURES_TO_PAUSE,
    CallResult,
    StatusDelivery,
    StatusPolicy,
    StatusWebhook,
    WebhookSecret,
)
from notifier.handlers import notify_page
from notifier.store.unit_of_work import UnitOfWork

# So long the secret before signs too, unless the caller says otherwise.
OVERLAP: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class PutStatusWebhook:
    """`sealed` is the encrypted secret of a new webhook, or one to replace the present at once."""

    source: SystemName
    url: str
    statuses: tuple[ContactStatus, ...]
    sealed: str | None
    by: str


@dataclass(frozen=True, slots=True)
class EndedCall:
    """`delivery` and `webhook` are as they were when the call began."""

    delivery: StatusDelivery
    webhook: StatusWebhook
    result: CallResult


@dataclass(frozen=True, slots=True)
class RecordedCall:
    given_up: int = 0
    is_disabled: bool = False


async def put_webhook(
    command: PutStatusWebhook, precondition: Precondition, uow: UnitOfWork
) -> StatusWebhook:
    """Put it in force, also one that was disabled; raises StatusWebhookChangedError.

    A new one needs `sealed`: without a secret nothing signs its calls.
    """
    before = await uow.status_webhooks.lock_name(command.source)
    _require(precondition, before)
    secrets = before.secrets if before else ()
    if command.sealed is not None:
        secrets = (WebhookSecret(command.sealed),)
    webhook = StatusWebhook(
        source=command.source,
        url=command.url,
        statuses=command.statuses,
        secrets=secrets,
        state="active",
        disabled_reason=None,
        version=before.version + 1 if before else 1,
        changed_at=uow.now,
        changed_by=command.by,
    )
    uow.status_webhooks.put(webhook)
    uow.outbox.add((status_webhooks.announce(webhook, uow.now),))
    # What waits for the receiver goes to the new address now.
    await uow.status_deliveries.hasten(command.source, uow.now)
    return webhook


async def get_webhook(source: SystemName, uow: UnitOfWork) -> StatusWebhook:
    """Raise StatusWebhookNotFoundError if there is none."""
    webhook = await uow.status_webhooks.get(source)
    if webhook is None:
        raise StatusWebhookNotFoundError
    return webhook


async def remove_webhook(source: SystemName, precondition: Precondition, uow: UnitOfWork) -> None:
    """Remove it and what waits; again is fine. Raises StatusWebhookChangedError."""
    webhook = await uow.status_webhooks.lock(source)
    _require(precondition, webhook)
    if webhook is not None:
        await uow.status_webhooks.remove(source)
        removed = replace(webhook, state="disabled")
        uow.outbox.add((status_webhooks.announce(removed, uow.now),))


async def rotate_secret(
    source: SystemName, sealed: str, overlap: timedelta, by: str, uow: UnitOfWork
) -> StatusWebhook:
    """Sign by the new secret, and by the one before for a while."""
    webhook = await _lock(source, uow)
    last = webhook.secrets[:1] if overlap > timedelta(0) else ()
    before = (replace(each, ends_at=uow.now + overlap) for each in last)
    rotated = replace(
        webhook,
        secrets=(WebhookSecret(sealed), *before),
        version=webhook.version + 1,
        changed_at=uow.now,
        changed_by=by,
    )
    uow.status_webhooks.put(rotated)
    return rotated


async def replay(
    source: SystemName, since: datetime | None, contact_id: ContactId | None, uow: UnitOfWork
) -> int:
    await _lock(source, uow)
    return await uow.status_deliveries.replay(source, since, contact_id, uow.now)


async def claim(
    limit: int, policy: StatusPolicy, uow: UnitOfWork
) -> Sequence[tuple[StatusDelivery, StatusWebhook, str | None]]:
    """Return what is sent now, each with its webhook and the name of the person in it."""
    claimed = await uow.status_deliveries.claim(limit, policy, uow.now)
    webhooks = await uow.status_webhooks.of_systems({each.source for each in claimed})
    people = {person for each in claimed if (person := each.person_to_name) is not None}
    recipients = await uow.recipients.get_all(people)
    names: dict[str, str] = {
        person: recipient.name for person, recipient in recipients.items() if recipient is not None
    }
    return [
        (each, webhook, names.get(each.person_to_name or ""))
        for each in claimed
        if (webhook := webhooks[each.source]) is not None
    ]


async def record_calls(
    calls: Sequence[EndedCall],
    policy: StatusPolicy,
    spread: Callable[[], float],
    uow: UnitOfWork,
) -> list[RecordedCall]:
    """Record how calls ended, in this order; a claim in the same transaction goes by it."""
    # The webhooks first: who claims locks them first, too.
    await uow.status_webhooks.lock_all(call.delivery.source for call in calls)
    await uow.status_deliveries.lock_all(call.delivery.change_id for call in calls)
    recorded = [await _record_call(call, policy, spread(), uow) for call in calls]
    await _flush(uow)
    return recorded


async def _record_call(
    call: EndedCall, policy: StatusPolicy, spread: float, uow: UnitOfWork
) -> RecordedCall:
    source, result = call.delivery.source, call.result
    webhook = await uow.status_webhooks.lock(source)
    delivery = await uow.status_deliveries.lock(call.delivery.change_id)
    if webhook is None or delivery is None or not _is_current(delivery, call.delivery, result):
        return RecordedCall()
    if webhook.edition != call.webhook.edition and not result.is_success:
        # Its settings are others now: how the call failed says nothing of these.
        failed = replace(delivery, answer=result.answer, detail=result.detail)
        uow.status_deliveries.put(replace(failed, state="pending", due_at=uow.now))
        return RecordedCall()
    decision = status_webhooks.record(delivery, webhook, result, policy, spread, uow.now)
    uow.status_deliveries.put(decision.delivery)
    if decision.webhook != webhook:
        uow.status_webhooks.put(decision.webhook)
    uow.outbox.add(decision.events)
    if decision.events:
        await _report_disabled(decision.webhook, uow)
    given_up = 0
    if decision.is_recovered:
        await uow.status_deliveries.hasten(source, uow.now)
    elif decision.webhook.failures >= FAILURES_TO_PAUSE and not result.is_success:
        # Then a success in the same transaction makes it due again.
        await _flush(uow)
        given_up = await uow.status_deliveries.give_up(source, policy, uow.now)
    return RecordedCall(given_up, is_disabled=bool(decision.events))


async def _flush(uow: UnitOfWork) -> None:
    """Write what is recorded, for the statements that look for what is due."""
    await uow.status_webhooks.flush()
    await uow.status_deliveries.flush()


async def _report_disabled(disabled: StatusWebhook, uow: UnitOfWork) -> None:
    """Tell operations, once for each time that it is disabled."""
    page_id = PageId(derived_id("status-webhook", disabled.source, *disabled.edition))
    reason = disabled.disabled_reason or ""
    await notify_page(own_messages.webhook_alarm(disabled.source, reason, page_id), uow)


def _is_current(delivery: StatusDelivery, called: StatusDelivery, result: CallResult) -> bool:
    """A success always counts; a failure only if no other attempt has begun since."""
    if delivery.state not in ("pending", "sending"):
        return False
    return result.is_success or delivery.attempts == called.attempts


def _require(precondition: Precondition, before: StatusWebhook | None) -> None:
    if not precondition.holds(before.version if before else None):
        raise StatusWebhookChangedError


async def _lock(source: SystemName, uow: UnitOfWork) -> StatusWebhook:
    webhook = await uow.status_webhooks.lock(source)
    if webhook is None:
        raise StatusWebhookNotFoundError
    return webhook
