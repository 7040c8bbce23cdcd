"""Messages that no escalation requests: alarms, notices to a person, and summaries."""

from datetime import datetime

from msgspec.structs import replace

from common.contracts.connection_pages import ConnectionPageRequested
from common.contracts.escalations import TimerMissing
from common.contracts.event import (
    OPERATIONS,
    ContactId,
    NotificationId,
    PageId,
    PersonId,
    SystemName,
)
from common.core.ids import derived_id
from notifier.domain import content as contents
from notifier.domain.content import (
    AddressChange,
    Content,
    DisabledStatusWebhook,
    Maintenance,
    Summary,
    WriteBackHalt,
)
from notifier.domain.notifications import Kind, Notification, Page
from notifier.domain.reasons import Reason
from notifier.domain.recipients import (
    Address,
    RecipientChange,
    contact_of,
)


def alarm_from(event: TimerMissing | ConnectionPageRequested) -> Page:
    match event:
        case TimerMissing():
            content = contents.from_lost_timer(event)
        case ConnectionPageRequested():
            content = contents.from_connection(event)
    return Page(event.page_id, event.contact_id, None, OPERATIONS, content)


def halt_alarm(system: SystemName, reason: str, page_id: PageId) -> Page:
    """Make the page that tells operations that a system is written to no more."""
    content = Content("write_back_halted", write_back_halt=WriteBackHalt(system, reason))
    contact_id = ContactId(derived_id("write-back", system))
    return Page(page_id, contact_id, None, OPERATIONS, content)


def webhook_alarm(source: SystemName, reason: str, page_id: PageId) -> Page:
    """Make the page that tells operations that a system is told no more statuses."""
    content = Content(
        "status_webhook_disabled", disabled_status_webhook=DisabledStatusWebhook(source, reason)
    )
    contact_id = ContactId(derived_id("status-webhook", source))
    return Page(page_id, contact_id, None, OPERATIONS, content)


def maintenance_page(
    reason: Reason, maintenance: Maintenance, person_id: PersonId, page_id: PageId
) -> Page:
    """Make the page that tells a person, or operations, that a maintenance begins or has ended."""
    contact_id = ContactId(derived_id("maintenance", maintenance.scope, maintenance.name))
    content = Content(reason, maintenance=maintenance)
    return Page(page_id, contact_id, None, person_id, content)


def address_notice(
    change: RecipientChange,
    address: Address,
    notification_id: NotificationId,
    traceparent: str | None = None,
) -> Notification:
    """Make the message that tells an address that it is no longer used."""
    content = Content(
        "address_changed", address_change=AddressChange(change.changed_by, change.changed_at)
    )
    return _own_message(
        "notice",
        change.person_id,
        address,
        content,
        notification_id,
        change.changed_at,
        traceparent,
    )


def own_notice(
    person_id: PersonId,
    address: Address,
    content: Content,
    notification_id: NotificationId,
    at: datetime,
    traceparent: str | None = None,
    page_id: PageId | None = None,
) -> Notification:
    """Make a message that the person has asked for."""
    notice = _own_message("notice", person_id, address, content, notification_id, at, traceparent)
    return replace(notice, page_id=page_id or notice.page_id)


def summary(
    person_id: PersonId,
    address: Address,
    notification_id: NotificationId,
    due_at: datetime,
    at: datetime,
) -> Notification:
    """Make the message that will carry what was held back; it is filled when it is sent."""
    content = Content("summary", summary=Summary())
    message = _own_message("summary", person_id, address, content, notification_id, at)
    return replace(message, due_at=due_at)


def _own_message(
    kind: Kind,
    person_id: PersonId,
    address: Address,
    content: Content,
    notification_id: NotificationId,
    at: datetime,
    traceparent: str | None = None,
) -> Notification:
    """Make a message that nobody requested: it is about the person and publishes no event."""
    return Notification(
        notification_id=notification_id,
        idempotency_key=f"{kind}/{notification_id}",
        kind=kind,
        state="pending",
        page_id=PageId(notification_id),
        contact_id=contact_of(person_id),
        escalation_id=None,
        person_id=person_id,
        medium=address.medium,
        address=address,
        content=content,
        requested_at=at,
        due_at=at,
        traceparent=traceparent,
    )
