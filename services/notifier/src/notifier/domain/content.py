"""What a message is about, as data. Templates make the words when the message is sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, with_config

from common.contracts.escalations import (
    LeaseEnd,
    PagedApproval,
    PagedCause,
    PagedCoaching,
    PagedContact,
    PagedDutyGap,
    PageRequested,
    Severity,
    TimerMissing,
)
from common.contracts.event import ContactId
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


@dataclass(frozen=True, slots=True)
class Status:
    """What happened to the escalation since a message was sent.

    `by` and `to` are names. `awaits_answer`: it waits for the reader's answer again.
    """

    kind: StatusKind
    by: str | None = None
    to: str | None = None
    level_name: str | None = None
    reason: str | None = None
    until: datetime | None = None
    awaits_answer: bool = False


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


@dataclass(frozen=True, slots=True)
class Content:
    """The data of PageRequested or TimerMissing; in an update `status` replaces the buttons."""

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
    lost_timer: LostTimer | None = None
    status: Status | None = None


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
    )


def from_lost_timer(event: TimerMissing) -> Content:
    lost_timer = LostTimer(event.contact_id, event.slot, event.due_at, event.instead)
    return Content(reason="alarm", lost_timer=lost_timer)
