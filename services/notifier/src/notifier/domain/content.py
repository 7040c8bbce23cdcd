"""What a message is about, as data. Templates make the words when the message is sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from msgspec import Struct
from pydantic import ConfigDict, with_config

from common.contracts.connection_pages import ConnectionPageRequested, PagedConnection
from common.contracts.escalations import LeaseEnd, PagedCause, PageRequested, Severity, TimerMissing
from common.contracts.event import ContactId, EscalationId, NotificationId, PersonId, SystemName
from common.contracts.page_subjects import (
    PagedApproval,
    PagedCoaching,
    PagedContact,
    PagedDutyGap,
    PagedQueue,
)
from notifier.domain.escalations import Escalation
from notifier.domain.reasons import Reason

StatusKind = Literal[
    "acknowledged",
    "taken_over",
    "handed_back",
    "resolved",
    "closed",
    "waiting",
    "unassigned",
    "returned",
    "handed_over",
    "reopened",
    "approval_refused",
    "approval_withdrawn",
    "renewed",
    "snoozed",
]


class Status(Struct, frozen=True):
    """What happened to the escalation since a message was sent.

    `by` and `to` are names, `holder` is who has it then. `awaits_answer`: it waits for the reader's
    answer again.
    """

    kind: StatusKind
    by: str | None = None
    to: str | None = None
    level_name: str | None = None
    reason: str | None = None
    until: datetime | None = None
    awaits_answer: bool = False
    holder: PersonId | None = None


@with_config(ConfigDict(use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class LostTimer:
    contact_id: ContactId
    """The contact that the timer is about."""
    slot: str
    """The name of the timer."""
    due_at: datetime
    """When it should fire."""
    instead: datetime | None = None
    """When the wrong timer in its place would have fired; null if there was none."""


@with_config(ConfigDict(use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class WriteBackHalt:
    system: SystemName
    """The connection that is written to no more."""
    reason: str
    """What the system answered."""


@with_config(ConfigDict(use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class DisabledStatusWebhook:
    source: SystemName
    """The system that is told no more what becomes of its contacts."""
    reason: str
    """Why."""


MaintenanceScope = Literal["topic", "connection", "campaign"]


@with_config(ConfigDict(use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class Maintenance:
    scope: MaintenanceScope
    """What nobody is paged about."""
    name: str
    """The topic, the connection or the campaign."""
    reason: str
    """What is done."""
    set_by: str
    """Who set it."""
    ends_at: datetime
    """When it ends, or has ended."""
    pages: int = 0
    """How many pages that waited for the end follow now."""
    ended_by: str | None = None
    """Who ended it early; null if nobody did."""
    planned_until: datetime | None = None
    """When it should have ended, if somebody ended it early."""


@with_config(ConfigDict(use_attribute_docstrings=True))
@dataclass(frozen=True, slots=True)
class AddressChange:
    by: str
    """Who changed the contact method: a person, or a system as `admin:ops`."""
    at: datetime
    """When it was changed."""


class PersonAway(Struct, frozen=True):
    """In whose place the reader is asked; without a `name` it is the reader who is away."""

    until: datetime
    name: str | None = None


class HeldPage(Struct, frozen=True):
    """A page in a summary; of its causes only the one that the headline needs."""

    notification_id: NotificationId
    contact_id: ContactId
    escalation_id: EscalationId | None
    content: "Content"


class Summary(Struct, frozen=True):
    """Pages over a budget, the most urgent first; `later` more are in the next summary.

    `elsewhere`: in a storm so many more are listed in the console only. `earlier`: it changes the
    message of these summaries, sent at `notified_at`, and shows what is open of them, too.
    """

    pages: tuple[HeldPage, ...] = ()
    later: int = 0
    elsewhere: int = 0
    earlier: tuple[NotificationId, ...] = ()
    notified_at: datetime | None = None


class Content(Struct, frozen=True, omit_defaults=True):
    """What a page, a notice or a summary says; in an update `status` replaces the buttons.

    `is_repeat`: the person was asked about the escalation before. `on_duty`: as who is on duty;
    `away`: in place of somebody.
    `code` verifies an address; it is filled in when the message is sent, and never stored.
    """

    reason: Reason
    severity: Severity | None = None
    level_name: str | None = None
    respond_by: datetime | None = None
    lease_end: LeaseEnd | None = None
    contact: PagedContact | None = None
    causes: tuple[PagedCause, ...] = ()
    explanation: str | None = None
    approval: PagedApproval | None = None
    coaching: PagedCoaching | None = None
    duty_gap: PagedDutyGap | None = None
    unserved_queue: PagedQueue | None = None
    connection: PagedConnection | None = None
    lost_timer: LostTimer | None = None
    write_back_halt: WriteBackHalt | None = None
    disabled_status_webhook: DisabledStatusWebhook | None = None
    maintenance: Maintenance | None = None
    status: Status | None = None
    address_change: AddressChange | None = None
    summary: Summary | None = None
    is_repeat: bool = False
    on_duty: bool = False
    away: PersonAway | None = None
    code: str | None = None


def status_of(escalation: Escalation | None, name: str | None) -> Status:
    """Return how an escalation stands; `name` is that of who caused it."""
    if escalation is None or escalation.state == "raised":
        return Status("waiting", awaits_answer=True)
    return Status(escalation.state, by=name, holder=escalation.holder)


def from_page(event: PageRequested) -> Content:
    return Content(
        reason=event.reason,
        severity=event.severity,
        level_name=event.level_name,
        respond_by=event.respond_by,
        lease_end=event.lease_end,
        contact=event.contact,
        causes=event.causes,
        explanation=event.explanation,
        approval=event.approval,
        coaching=event.coaching,
        duty_gap=event.duty_gap,
        unserved_queue=event.unserved_queue,
        on_duty=event.on_duty,
    )


def from_connection(event: ConnectionPageRequested) -> Content:
    reason: Reason
    reason = "connection_silent" if event.connection.heard_at is None else "connection_heard_again"
    return Content(reason=reason, connection=event.connection)


def from_lost_timer(event: TimerMissing) -> Content:
    lost_timer = LostTimer(event.contact_id, event.slot, event.due_at, event.instead)
    return Content(reason="alarm", lost_timer=lost_timer)
