"""One message to one person on one medium: how it is made, cancelled, and updated."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.escalations import PageRequested
from common.contracts.event import (
    ContactId,
    EscalationId,
    Event,
    NotificationId,
    PageId,
    PersonId,
)
from common.contracts.notifications import Action, Medium, NotificationFailed
from notifier.domain import content as contents
from notifier.domain.content import (
    Content,
    Status,
)
from notifier.domain.delivery_reasons import DeliveryReason, ReasonData, media_missing
from notifier.domain.escalations import Escalation
from notifier.domain.reasons import asks_for
from notifier.domain.recipients import (
    DEFAULT_LANGUAGE,
    DEFAULT_TIME_ZONE,
    Address,
    Recipient,
)

# An update changes the message of a page that was sent; a notice tells an address that it is no
# longer used; a summary carries the pages that were held back.
Kind = Literal["page", "update", "notice", "summary"]
# A page over a budget is held back until a summary has carried it: then it is grouped. It is
# superseded if a newer page about the same escalation was held back too.
State = Literal[
    "pending", "sending", "sent", "failed", "cancelled", "held_back", "grouped", "superseded"
]
AttemptOutcome = Literal["sent", "retry", "failed", "unknown"]


class Page(Struct, frozen=True):
    """One person to notify, on all media, or on those of the person's that are in `media`."""

    page_id: PageId
    contact_id: ContactId
    escalation_id: EscalationId | None
    person_id: PersonId
    content: Content
    media: tuple[Medium, ...] = ()


class Notification(Struct, frozen=True):
    """`due_at`: while pending the next attempt, while sending when the attempt counts as lost.

    `receipt` is how the outside system names the message, and `editable` whether it can be changed
    there. `ambiguous`: an attempt without a known outcome may have arrived. `reason` says why it
    failed, was cancelled or held back, or went to media that were not requested, and `reason_data`
    says it for other languages. `action` is the
    last answer, of `acted_at`. `link_epoch`, `time_zone` and `language` are the recipient's when it
    is sent. `summary_id`: the summary that carries the page. `thread`: how the outside system names
    the message that this one answers. `page_media` are all the media of the page. `step`: of the
    person's rule; a later one is cancelled when an earlier one is answered, or WhatsApp says that
    it was read.

    `delivered_at` is what a receipt said; until `receipt_due_at` one is waited for, on media that
    have them. `delay_reason` says why it waits until `due_at`. `held_back_at` and `ended_at` (of
    what failed, was cancelled or superseded) are for the story. `failover_from` is the medium that
    this one stands in for.
    """

    notification_id: NotificationId
    idempotency_key: str
    kind: Kind
    state: State
    page_id: PageId
    contact_id: ContactId
    escalation_id: EscalationId | None
    person_id: PersonId
    medium: Medium | None
    address: Address | None
    content: Content
    requested_at: datetime
    due_at: datetime | None
    attempts: int = 0
    began_at: datetime | None = None
    ambiguous: bool = False
    receipt: Mapping[str, str] | None = None
    editable: bool = False
    reason: str | None = None
    reason_data: ReasonData | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    seen_at: datetime | None = None
    acted_at: datetime | None = None
    action: Action | None = None
    traceparent: str | None = None
    link_epoch: int = 0
    summary_id: NotificationId | None = None
    page_media: tuple[Medium, ...] = ()
    time_zone: str = DEFAULT_TIME_ZONE
    thread: Mapping[str, str] | None = None
    receipt_due_at: datetime | None = None
    held_back_at: datetime | None = None
    ended_at: datetime | None = None
    delay_reason: str | None = None
    failover_from: Medium | None = None
    step: int = 1
    language: str = DEFAULT_LANGUAGE

    @property
    def attempt_under_way(self) -> "Attempt | None":
        """Return the attempt that was begun last, unless its end is recorded."""
        return self.last_attempt if self.state == "sending" else None

    @property
    def last_attempt(self) -> "Attempt | None":
        """Return the attempt that was begun last, without its end."""
        if self.began_at is None:
            return None
        return Attempt(self.notification_id, self.attempts, self.began_at)

    def local(self, at: datetime) -> datetime:
        """Return the moment in the reader's time zone."""
        return at.astimezone(ZoneInfo(self.time_zone))


class Attempt(Struct, frozen=True):
    """One call to the outside system; without an end it is in progress, or its process died.

    `retry`: it did not arrive and is tried again. `unknown`: it may have arrived.
    """

    notification_id: NotificationId
    attempt: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    detail: str | None = None


class Decision(Struct, frozen=True):
    notification: Notification
    events: tuple[Event, ...] = ()
    attempts: tuple[Attempt, ...] = ()


def page_from(event: PageRequested) -> Page:
    return Page(
        event.page_id,
        event.contact_id,
        event.escalation_id,
        event.person_id,
        contents.from_page(event),
        event.media or (),
    )


def mark_repeat(page: Page, earlier: Iterable[Notification]) -> Page:
    """Mark the page of a person who was asked about the escalation before, or soon will be."""
    asked_before = any(
        each.kind == "page"
        and each.person_id == page.person_id
        and each.state not in ("failed", "cancelled")
        and asks_for(each.content.reason) == "answer"
        for each in earlier
    )
    return replace(page, content=replace(page.content, is_repeat=asked_before))


def choose_addresses(
    page: Page, recipient: Recipient
) -> tuple[tuple[Address, ...], DeliveryReason | None]:
    """Return the addresses to use, and a reason if they are not on the requested media."""
    chosen = recipient.reached_by(page.media) if page.media else recipient.addresses
    if chosen:
        return chosen, None
    return recipient.addresses, media_missing(page.media)


def notify(
    page: Page,
    address: Address,
    notification_id: NotificationId,
    at: datetime,
    traceparent: str | None = None,
    reason: DeliveryReason | None = None,
    page_media: tuple[Medium, ...] = (),
) -> Notification:
    return Notification(
        notification_id=notification_id,
        idempotency_key=f"{page.page_id}/{address.medium}",
        kind="page",
        state="pending",
        page_id=page.page_id,
        contact_id=page.contact_id,
        escalation_id=page.escalation_id,
        person_id=page.person_id,
        medium=address.medium,
        address=address,
        content=page.content,
        requested_at=at,
        due_at=at,
        reason=reason.text if reason else None,
        reason_data=reason.data if reason else None,
        traceparent=traceparent,
        page_media=page_media or (address.medium,),
    )


def unreachable(
    page: Page, reason: DeliveryReason, notification_id: NotificationId, at: datetime
) -> Decision:
    """Record that there is no way to notify this person."""
    notification = Notification(
        notification_id=notification_id,
        idempotency_key=f"{page.page_id}/none",
        kind="page",
        state="failed",
        page_id=page.page_id,
        contact_id=page.contact_id,
        escalation_id=page.escalation_id,
        person_id=page.person_id,
        medium=None,
        address=None,
        content=page.content,
        requested_at=at,
        due_at=None,
        reason=reason.text,
        reason_data=reason.data,
        ended_at=at,
    )
    return Decision(notification, (failure(notification, at),))


def failure(notification: Notification, at: datetime) -> NotificationFailed:
    return NotificationFailed(
        contact_id=notification.contact_id,
        occurred_at=at,
        notification_id=notification.notification_id,
        page_id=notification.page_id,
        person_id=notification.person_id,
        medium=notification.medium,
        page_media=notification.page_media,
        attempts=notification.attempts,
        reason=notification.reason or "",
    )


def cancel(notification: Notification, reason: DeliveryReason, at: datetime) -> Notification:
    return replace(stop(notification, "cancelled", reason), ended_at=at)


def stop(notification: Notification, state: State, reason: DeliveryReason) -> Notification:
    """Return it in a state in which it is not due, with why."""
    return replace(
        notification,
        state=state,
        due_at=None,
        reason=reason.text,
        reason_data=reason.data,
        receipt_due_at=None,
        delay_reason=None,
    )


def can_be_cancelled(notification: Notification) -> bool:
    """Return whether nothing has been sent yet; a summary may be on its way with a page."""
    waits = notification.state == "held_back" and notification.summary_id is None
    return notification.state == "pending" or waits


def is_relevant(notification: Notification, escalation: Escalation) -> bool:
    """Return whether what the message says still matters to its reader."""
    ask = asks_for(notification.content.reason)
    match ask:
        case "answer":
            return escalation.awaits_answer
        case "approval":
            return escalation.approval_asked
        case "help":
            return escalation.awaits_answer or escalation.approval_asked
        case "progress":
            return escalation.by == notification.person_id and not escalation.has_ended
        case "nothing":
            nobody_else = escalation.by in (None, notification.person_id)
            return nobody_else and not escalation.has_ended
        case _:
            assert_never(ask)


def is_editable(notification: Notification) -> bool:
    """Return whether an update can change the message that was sent."""
    return notification.kind == "page" and notification.state == "sent" and notification.editable


def update(
    sent: Notification,
    status: Status,
    notification_id: NotificationId,
    at: datetime,
    traceparent: str | None = None,
) -> Notification:
    """Make the update that shows `status` in a message that was sent, instead of its buttons."""
    return replace(
        sent,
        notification_id=notification_id,
        idempotency_key=f"{sent.idempotency_key}/{notification_id}",
        kind="update",
        state="pending",
        content=replace(sent.content, status=status),
        requested_at=at,
        due_at=at,
        attempts=0,
        began_at=None,
        ambiguous=False,
        sent_at=None,
        delivered_at=None,
        seen_at=None,
        acted_at=None,
        action=None,
        traceparent=traceparent,
        thread=None,
        receipt_due_at=None,
        delay_reason=None,
    )
