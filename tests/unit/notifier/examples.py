"""Notifications and pages for tests that need no database."""

from datetime import UTC, datetime, timedelta
from typing import Any

from common.contracts.escalations import PageRequested
from common.contracts.event import ContactId, EscalationId, NotificationId, PersonId
from notifier.domain import notifications
from notifier.domain.escalations import Escalation, EscalationState
from notifier.domain.notifications import Notification
from notifier.domain.recipients import Address, EmailAddress, SlackAddress

AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
ID = NotificationId("0199c1f0-7a52-7bd3-8f5e-0d5f3f7f2c11")
CONTACT = ContactId("0199c1f0-0000-7bd3-8f5e-0d5f3f7f2c11")
ESCALATION = EscalationId("0199c1f0-1111-7bd3-8f5e-0d5f3f7f2c11")
SLACK = SlackAddress("D0123", "U0123")
EMAIL = EmailAddress("dana@example.com")


def paged(**changes: Any) -> PageRequested:
    return PageRequested.model_validate(
        {
            "contact_id": CONTACT,
            "occurred_at": AT,
            "page_id": "0199c1f0-2222-7bd3-8f5e-0d5f3f7f2c11",
            "person_id": "dana",
            "reason": "climbed",
            "headline": "Billing chat from Ada: first response 2 min overdue",
            "why": "No reply within 10 min. Representative: rui.",
            "escalation_id": ESCALATION,
            "severity": "high",
            "level_name": "manager",
            "respond_by": AT + timedelta(minutes=12, seconds=30),
            **changes,
        }
    )


def notification(address: Address = SLACK, **changes: Any) -> Notification:
    page = notifications.requested(paged(**changes))
    return notifications.page(page, address, ID, AT)


def escalation(state: EscalationState, by: str | None = None, at: datetime = AT) -> Escalation:
    return Escalation(ESCALATION, CONTACT, state, PersonId(by) if by else None, at)
