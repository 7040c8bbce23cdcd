"""One message to one person on one medium, from the page that asks for it to the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, assert_never

from common.contracts.escalations import PageRequested, Severity, TimerMissing
from common.contracts.event import ContactId, EscalationId, Event, NotificationId, PageId, PersonId
from common.contracts.notifications import (
    Medium,
    NotificationActedOn,
    NotificationFailed,
    NotificationSeen,
)
from notifier.domain.escalations import Escalation
from notifier.domain.reasons import Reason, asks_for
from notifier.domain.recipients import Address, Recipient

# Whoever runs Upstairs is a recipient like any other, known by this name.
OPERATIONS = PersonId("operations")

# An update goes after a page that was sent, and changes what that message says.
Kind = Literal["page", "update"]
State = Literal["pending", "sending", "sent", "failed", "cancelled"]
AttemptOutcome = Literal["sent", "retry", "failed", "unknown"]


class NothingToAcknowledgeError(Exception):
    """This only tells you something: there is nothing to acknowledge."""


class ApprovalRequiredError(NothingToAcknowledgeError):
    """Your approval is asked: give or refuse it in Upstairs. There is nothing to acknowledge."""


class AlreadySettledError(Exception):
    """The escalation is no longer waiting for an answer."""

    def __init__(self, escalation: Escalation) -> None:
        super().__init__(self.__doc__)
        self.escalation = escalation


@dataclass(frozen=True, slots=True)
class Content:
    """What is to be said. In an update `settled` takes the place of the buttons.

    `waits`: what `settled` says is that it waits for an answer again.
    """

    reason: Reason
    headline: str
    why: str
    severity: Severity | None = None
    level_name: str | None = None
    respond_by: datetime | None = None
    settled: str | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One person to tell, on each of that person's media, or of those that are also in `media`."""

    page_id: PageId
    contact_id: ContactId
    escalation_id: EscalationId | None
    person_id: PersonId
    content: Content
    media: tuple[Medium, ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """`due_at`: while pending when to try it, while sending when its attempt counts as lost.

    `receipt` is how the outside system knows the message. `ambiguous`: an attempt may have arrived
    without our knowing.
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
    because: str | None = None
    sent_at: datetime | None = None
    seen_at: datetime | None = None
    acted_at: datetime | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to the outside world; without an end it is under way, or was lost with its process.

    `retry`: it did not arrive and is tried again. `unknown`: it may have arrived.
    """

    notification_id: NotificationId
    attempt: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: AttemptOutcome | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    notification: Notification
    events: tuple[Event, ...] = ()
    attempts: tuple[Attempt, ...] = ()


def requested(event: PageRequested) -> Page:
    content = Content(
        reason=event.reason,
        headline=event.headline,
        why=event.why,
        severity=event.severity,
        level_name=event.level_name,
        respond_by=event.respond_by,
    )
    return Page(
        event.page_id,
        event.contact_id,
        event.escalation_id,
        event.person_id,
        content,
        event.media or (),
    )


def alarm(event: TimerMissing) -> Page:
    content = Content(reason="alarm", headline=event.headline, why=event.why)
    return Page(event.page_id, event.contact_id, None, OPERATIONS, content)


def addresses(asked: Page, recipient: Recipient) -> tuple[tuple[Address, ...], str | None]:
    """Return where to tell it, and why there if that is not as it was asked for."""
    chosen = recipient.reached_by(asked.media) if asked.media else recipient.media
    if chosen:
        return chosen, None
    return recipient.media, f"the recipient has no {' or '.join(asked.media)}: told on all media"


def page(
    asked: Page,
    address: Address,
    notification_id: NotificationId,
    at: datetime,
    traceparent: str | None = None,
    because: str | None = None,
) -> Notification:
    return Notification(
        notification_id=notification_id,
        idempotency_key=f"{asked.page_id}/{address.medium}",
        kind="page",
        state="pending",
        page_id=asked.page_id,
        contact_id=asked.contact_id,
        escalation_id=asked.escalation_id,
        person_id=asked.person_id,
        medium=address.medium,
        address=address,
        content=asked.content,
        requested_at=at,
        due_at=at,
        because=because,
        traceparent=traceparent,
    )


def unreachable(
    asked: Page, because: str, notification_id: NotificationId, at: datetime
) -> Decision:
    """Keep on record that there was no way to tell this person."""
    notification = Notification(
        notification_id=notification_id,
        idempotency_key=f"{asked.page_id}/none",
        kind="page",
        state="failed",
        page_id=asked.page_id,
        contact_id=asked.contact_id,
        escalation_id=asked.escalation_id,
        person_id=asked.person_id,
        medium=None,
        address=None,
        content=asked.content,
        requested_at=at,
        due_at=None,
        because=because,
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
        attempts=notification.attempts,
        reason=notification.because or "",
    )


def cancel(notification: Notification, because: str) -> Notification:
    return replace(notification, state="cancelled", due_at=None, because=because)


def offers_answer(notification: Notification) -> bool:
    """Tell whether the message goes out with a button to acknowledge."""
    return (
        notification.escalation_id is not None and asks_for(notification.content.reason) == "answer"
    )


def concerns(notification: Notification, escalation: Escalation) -> bool:
    """Tell whether what the message says still matters to whoever reads it."""
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
            no_others = escalation.by in (None, notification.person_id)
            return no_others and not escalation.has_ended
        case _:
            assert_never(ask)


def shows_its_state(notification: Notification) -> bool:
    """Tell whether this message can be changed after it was sent, and should be."""
    return (
        notification.kind == "page"
        and notification.state == "sent"
        and notification.medium == "slack"
    )


def update(
    sent: Notification,
    settled: str,
    notification_id: NotificationId,
    at: datetime,
    traceparent: str | None = None,
    *,
    waits: bool = False,
) -> Notification:
    """Let a message that was sent say how it stands, in place of its buttons."""
    return replace(
        sent,
        notification_id=notification_id,
        idempotency_key=f"{sent.idempotency_key}/{notification_id}",
        kind="update",
        state="pending",
        content=replace(sent.content, settled=settled, waits=waits),
        requested_at=at,
        due_at=at,
        attempts=0,
        began_at=None,
        ambiguous=False,
        sent_at=None,
        seen_at=None,
        acted_at=None,
        traceparent=traceparent,
    )


def see(notification: Notification, at: datetime) -> Decision:
    if notification.seen_at is not None or notification.medium is None:
        return Decision(notification)
    seen = NotificationSeen(
        contact_id=notification.contact_id,
        occurred_at=at,
        notification_id=notification.notification_id,
        page_id=notification.page_id,
        person_id=notification.person_id,
        medium=notification.medium,
    )
    return Decision(replace(notification, seen_at=at), (seen,))


def awaits_answer(notification: Notification, escalation: Escalation | None) -> bool:
    """Tell whether an acknowledgement now would be the first since the escalation asked."""
    if escalation is None or not escalation.awaits_answer or not _takes_answer(notification):
        return False
    # What was acknowledged and lapsed is asked again, later.
    return notification.acted_at is None or notification.acted_at < escalation.at


def _takes_answer(notification: Notification) -> bool:
    """Tell whether its link may answer: also that of a message which only told something."""
    ask = asks_for(notification.content.reason)
    return notification.escalation_id is not None and ask in ("answer", "progress", "nothing")


def _nothing_to_acknowledge(notification: Notification) -> NothingToAcknowledgeError:
    approval = asks_for(notification.content.reason) == "approval"
    return ApprovalRequiredError() if approval else NothingToAcknowledgeError()


def acknowledge(
    notification: Notification, escalation: Escalation | None, at: datetime
) -> Decision:
    """Take the answer of the person who was told; the same answer again changes nothing.

    Raises NothingToAcknowledge, or AlreadySettled when it would come too late.
    """
    if not _takes_answer(notification):
        raise _nothing_to_acknowledge(notification)
    if notification.escalation_id is None or notification.medium is None or escalation is None:
        raise NothingToAcknowledgeError
    match escalation.state:
        case "raised":
            if not awaits_answer(notification, escalation):
                return Decision(notification)
        case "acknowledged" | "taken_over":
            if escalation.by == notification.person_id:
                return Decision(notification)
            raise AlreadySettledError(escalation)
        case "handed_back" | "resolved" | "closed":
            raise AlreadySettledError(escalation)
        case _:
            assert_never(escalation.state)
    acted = NotificationActedOn(
        contact_id=notification.contact_id,
        occurred_at=at,
        notification_id=notification.notification_id,
        page_id=notification.page_id,
        person_id=notification.person_id,
        escalation_id=notification.escalation_id,
        action="acknowledge",
        medium=notification.medium,
    )
    return Decision(replace(notification, acted_at=at), (acted,))
