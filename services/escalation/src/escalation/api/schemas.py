"""How an escalation is shown, wherever it is."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from common.contracts.contacts import Channel
from common.contracts.escalations import Cause, Outcome, Severity
from common.contracts.event import ContactId, EscalationId, PersonId
from escalation.domain import wording
from escalation.domain.model import Approval, Escalation, EscalationState, LeaseEnd, Watch
from escalation.domain.settings.registry import Versioned


class ShownReason(BaseModel):
    cause: Cause
    text: str
    at: datetime


class ShownContact(BaseModel):
    channel: Channel
    subject: str
    topic: str
    customer: str | None
    representative_id: PersonId | None


class ShownApproval(BaseModel):
    """What `asked_by` would grant, and those at level `level_name` are to approve."""

    asked_by: PersonId
    outcome: Outcome
    amount: Decimal
    currency: str
    note: str
    asked_at: datetime
    level_name: str


class ShownEscalation(BaseModel):
    """`deadline` is when it goes on without whoever holds it, or without those who are awaited.

    `version` counts its changes; it is the ETag too. `lease_end` is what ends the lease at the
    deadline. `alarm_since` is since when the whole ladder has been of no avail.
    """

    escalation_id: EscalationId
    contact_id: ContactId
    version: int
    state: EscalationState
    headline: str
    severity: Severity
    level: int
    level_name: str
    ladder: str | None
    holder: PersonId | None
    awaited: tuple[PersonId, ...]
    deadline: datetime | None
    left_s: float | None
    lease_end: LeaseEnd | None
    snoozed_until: datetime | None
    snoozes: int
    alarm_since: datetime | None
    raised_at: datetime
    closed_at: datetime | None
    approval: ShownApproval | None
    outcome: Outcome | None
    amount: Decimal | None
    currency: str | None
    approved_by: PersonId | None
    note: str | None
    reasons: list[ShownReason]
    contact: ShownContact | None


def etag(shown: Escalation | Versioned[Any]) -> str:
    return f'"{shown.version}"'


def shown(escalation: Escalation, watch: Watch, at: datetime) -> ShownEscalation:
    return ShownEscalation(
        escalation_id=escalation.escalation_id,
        contact_id=escalation.contact_id,
        version=escalation.version,
        state=escalation.state,
        headline=wording.page_headline(watch, escalation, escalation.closed_at or at),
        severity=escalation.severity,
        level=escalation.level,
        level_name=escalation.level_name,
        ladder=None if escalation.ladder is None else str(escalation.ladder.ref),
        holder=escalation.holder,
        awaited=escalation.awaited if escalation.holder is None else (),
        deadline=escalation.deadline,
        left_s=None if escalation.deadline is None else (escalation.deadline - at).total_seconds(),
        lease_end=escalation.lease_end,
        snoozed_until=escalation.snoozed_until,
        snoozes=escalation.snoozes,
        alarm_since=escalation.alarm_since,
        raised_at=escalation.raised_at,
        closed_at=escalation.closed_at,
        approval=None
        if escalation.approval is None
        else _approval(escalation, escalation.approval),
        outcome=escalation.outcome,
        amount=escalation.amount,
        currency=escalation.currency,
        approved_by=escalation.approved_by,
        note=escalation.note,
        reasons=[
            ShownReason(cause=reason.cause, text=reason.text, at=reason.at)
            for reason in escalation.reasons
        ],
        contact=_contact(watch),
    )


def _approval(escalation: Escalation, approval: Approval) -> ShownApproval:
    levels = escalation.ladder.body.levels if escalation.ladder else ()
    return ShownApproval(
        asked_by=approval.asked_by,
        outcome=approval.outcome,
        amount=approval.amount,
        currency=approval.currency,
        note=approval.note,
        asked_at=approval.asked_at,
        level_name=levels[approval.level].name if levels else escalation.level_name,
    )


def _contact(watch: Watch) -> ShownContact | None:
    contact = watch.contact
    if contact is None:
        return None
    return ShownContact(
        channel=contact.channel,
        subject=contact.subject,
        topic=contact.topic,
        customer=contact.customer,
        representative_id=watch.representative_id,
    )
