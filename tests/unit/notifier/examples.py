"""Notifications and pages for tests that need no database."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from common.contracts.connection_pages import ConnectionPageRequested
from common.contracts.escalations import PageReason, PageRequested, TimerMissing
from common.contracts.event import (
    ContactId,
    EscalationId,
    NotificationId,
    PageId,
    PersonId,
    SystemName,
)
from notifier.channels import email
from notifier.domain import notifications, own_messages
from notifier.domain.content import Maintenance
from notifier.domain.escalations import Escalation, EscalationState
from notifier.domain.notifications import Notification
from notifier.domain.reasons import Reason
from notifier.domain.recipients import Address
from notifier.links import Links
from notifier.message_templates.library import MessageText

AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
ID = NotificationId("0199c1f0-7a52-7bd3-8f5e-0d5f3f7f2c11")
CONTACT = ContactId("0199c1f0-0000-7bd3-8f5e-0d5f3f7f2c11")
ESCALATION = EscalationId("0199c1f0-1111-7bd3-8f5e-0d5f3f7f2c11")
PAGE = "0199c1f0-2222-7bd3-8f5e-0d5f3f7f2c11"
SLACK = Address("slack", {"channel": "D0123", "user_id": "U0123"})
EMAIL = Address("email", {"address": "dana@example.com"})
REASONS: tuple[Reason, ...] = (
    *get_args(PageReason),
    *("alarm", "connection_silent", "connection_heard_again", "write_back_halted"),
    *("status_webhook_disabled", "maintenance_began", "maintenance_ended"),
)

ADA = {
    "channel": "chat",
    "topic": "billing",
    "subject": "Wrong invoice",
    "priority": "high",
    "language": "de",
    "tier": "vip",
    "customer_name": "Ada",
    "representative_id": "rui",
}
GONE = "the receiver answered 410 Gone"
REFUSED = "answered 401: Couldn't authenticate you"
LATE_REPLY = {
    "cause": "breach",
    "reason": "No reply within 10 min (policy gold v3)",
    "at": AT - timedelta(minutes=2),
    "clock": "first_response",
    "due_at": AT - timedelta(minutes=2),
    "clock_state": "breached",
}
COMPLAINT = {
    "cause": "complaint",
    "reason": "He hung up on me.",
    "at": AT,
    "by": "kim",
    "about": "rui",
}
REFUND = {
    "by": "sam",
    "outcome": "refund",
    "amount": "500",
    "currency": "EUR",
    "note": "Charged twice",
}
_NO_ESCALATION = {"escalation_id": None, "severity": None, "level_name": None, "respond_by": None}
# What escalation sends beside the rest, by reason.
_PARTICULARS: dict[str, dict[str, Any]] = {
    "warning": {
        "escalation_id": None,
        "level_name": None,
        "causes": [
            {
                **LATE_REPLY,
                "cause": "warning",
                "reason": "No reply after 8 min of 10 min (policy gold v3)",
                "due_at": AT + timedelta(minutes=2),
                "clock_state": "running",
            }
        ],
        "respond_by": AT + timedelta(minutes=2),
    },
    "climbed": {"explanation": "no answer from sam"},
    "repeated": {"explanation": "no answer from dana, omar"},
    "returned": {"explanation": "shift of sam ended"},
    "handed_over": {"explanation": "sam hands it over: she speaks German"},
    "updated": {"causes": [LATE_REPLY, COMPLAINT]},
    "lease_ending": {"lease_end": "progress"},
    "approval_asked": {"approval": REFUND},
    "approval_refused": {"explanation": "omar does not approve 500 EUR (refund): too much"},
    "unanswered": {"explanation": "no answer from dana, omar"},
    "met": {
        "escalation_id": None,
        "respond_by": None,
        "causes": [{**LATE_REPLY, "clock_state": "met_late"}],
        "explanation": "first reply sent late",
    },
    "unreachable": {
        "escalation_id": None,
        "respond_by": None,
        "explanation": "dana not reached (no such recipient)",
    },
    "coaching": {
        **_NO_ESCALATION,
        "coaching": {"by": "sam", "person_id": "rui", "text": "How to end a call"},
    },
    "unserved": {
        **_NO_ESCALATION,
        "contact": None,
        "causes": [],
        "unserved_queue": {"queue": "warranty/pl", "fallback_queue": "general/en"},
    },
    "duty_gap": {
        **_NO_ESCALATION,
        "contact": None,
        "causes": [],
        "respond_by": AT + timedelta(hours=4),
        "duty_gap": {
            "schedule_id": "managers",
            "starts_at": AT + timedelta(hours=4),
            "ends_at": AT + timedelta(hours=10),
            "absent": ["kim", "lee"],
        },
    },
}


def paged(reason: str = "climbed", **changes: Any) -> PageRequested:
    return msgspec.convert(
        {
            "contact_id": CONTACT,
            "occurred_at": AT,
            "page_id": PAGE,
            "person_id": "dana",
            "reason": reason,
            "escalation_id": ESCALATION,
            "severity": "high",
            "level_name": "manager",
            "respond_by": AT + timedelta(minutes=12, seconds=30),
            "contact": ADA,
            "causes": [LATE_REPLY],
            **_PARTICULARS.get(reason, {}),
            **changes,
        },
        PageRequested,
    )


def timer_missing(**changes: Any) -> TimerMissing:
    return msgspec.convert(
        {
            "contact_id": CONTACT,
            "occurred_at": AT,
            "page_id": PAGE,
            "slot": "clocks",
            "due_at": AT - timedelta(minutes=1),
            # Required until escalation no longer writes them.
            **changes,
        },
        TimerMissing,
    )


def connection_page(reason: Reason, **changes: Any) -> ConnectionPageRequested:
    connection = {"system": "zendesk:acme", "silent_since": AT - timedelta(hours=2)}
    more: dict[str, Any] = (
        {"expected_every_minutes": 60} if reason == "connection_silent" else {"heard_at": AT}
    )
    return msgspec.convert(
        {
            "contact_id": CONTACT,
            "occurred_at": AT,
            "page_id": PAGE,
            "connection": {**connection, **more, **changes},
        },
        ConnectionPageRequested,
    )


def maintenance(reason: Reason, **changes: Any) -> Maintenance:
    why = changes.pop("why", "New system")
    about: dict[str, Any] = {"scope": "topic", "name": "billing", "reason": why}
    if reason == "maintenance_began":
        times: dict[str, Any] = {"ends_at": AT + timedelta(hours=1)}
    else:
        planned = AT + timedelta(hours=1)
        times = {"ends_at": AT, "pages": 7, "ended_by": "omar", "planned_until": planned}
    return Maintenance(**{**about, "set_by": "mona", **times, **changes})


def notification(
    address: Address = SLACK, reason: Reason = "climbed", **changes: Any
) -> Notification:
    if reason == "alarm":
        page = own_messages.alarm_from(timer_missing(**changes))
    elif reason in {"connection_silent", "connection_heard_again"}:
        page = own_messages.alarm_from(connection_page(reason, **changes))
    elif reason == "write_back_halted":
        page = own_messages.halt_alarm(
            SystemName("zendesk:acme"), changes.get("answer", REFUSED), PageId(PAGE)
        )
    elif reason == "status_webhook_disabled":
        page = own_messages.webhook_alarm(
            SystemName("channel:shop"), changes.get("answer", GONE), PageId(PAGE)
        )
    elif reason in {"maintenance_began", "maintenance_ended"}:
        news = maintenance(reason, **changes)
        page = own_messages.maintenance_page(reason, news, PersonId("dana"), PageId(PAGE))
    else:
        page = notifications.page_from(paged(reason, **changes))
        # Who is asked again was asked before.
        asked_before = replace(page.content, is_repeat=reason == "repeated")
        page = replace(page, content=asked_before)
    return notifications.notify(page, address, ID, AT)


def escalation(state: EscalationState, by: str | None = None, at: datetime = AT) -> Escalation:
    return Escalation(ESCALATION, CONTACT, state, PersonId(by) if by else None, at)


def compose_mail(
    page: Notification,
    sender: str,
    links: Links,
    at: datetime,
    custom: MessageText | None = None,
) -> EmailMessage:
    """Return the mail as the reader's mail program understands it."""
    composed = email.compose(page, sender, links, at, custom)
    return message_from_bytes(composed.as_bytes(), policy=default)
