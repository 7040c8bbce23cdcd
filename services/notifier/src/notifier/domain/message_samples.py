"""Made-up contents of messages: templates are tried with them before they are saved."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from common.contracts.connection_pages import PagedConnection
from common.contracts.escalations import PagedCause
from common.contracts.event import ContactId, NotificationId, PersonId, SystemName
from common.contracts.page_subjects import (
    PagedApproval,
    PagedCoaching,
    PagedContact,
    PagedDutyGap,
    PagedQueue,
)
from notifier.domain.content import (
    Content,
    DisabledStatusWebhook,
    HeldPage,
    LostTimer,
    Maintenance,
    PersonAway,
    Summary,
    WriteBackHalt,
)
from notifier.domain.message_templates import OWN_REASONS
from notifier.domain.reasons import Reason

_CONTACT_ID: Final = ContactId("0199c1f0-0000-7bd3-8f5e-0d5f3f7f2c11")
# When the made-up messages are sent.
SAMPLE_TIME: Final = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
_LONG: Final = 400
_HELD: Final = HeldPage(NotificationId(_CONTACT_ID), _CONTACT_ID, None, Content("raised"))
_ASKED_IN_VAIN: Final = ("climbed", "repeated", "unanswered", "unreachable")
_WITHOUT_LEVEL: Final = frozenset(("warning", "met", "unreachable"))
_ABOUT_NO_CONTACT: Final = frozenset(("duty_gap", "unserved", *OWN_REASONS))


def samples_of(reason: Reason, at: datetime = SAMPLE_TIME) -> Mapping[str, Content]:
    """Return a usual message, one that says as little as it can, and one as long as it can be."""
    return {
        "usual": _content(reason, at, str),
        "shortest": _shortest(reason, at),
        "longest": _content(reason, at, _lengthened),
    }


def _lengthened(text: str) -> str:
    return f"{text} {'M' * _LONG}"


def _content(reason: Reason, at: datetime, words: Any) -> Content:
    particular = _particulars(reason, at, words)
    if reason in _ABOUT_NO_CONTACT:
        return Content(reason, **particular)
    contact = PagedContact(
        channel="email",
        topic=words("billing"),
        subject=words("Wrong invoice"),
        priority="urgent",
        language="de",
        tier="premium",
        customer_name=words("Ada Lovelace"),
        representative_id=PersonId("rui"),
    )
    causes = (
        PagedCause(
            cause="breach",
            reason="No reply within 10 min (policy gold v3)",
            at=at,
            clock="first_response",
            due_at=at - timedelta(minutes=2),
            clock_state="breached",
        ),
        PagedCause(
            cause="complaint",
            reason=words("He hung up on me."),
            at=at,
            by=PersonId("kim"),
            about=PersonId("rui"),
        ),
    )
    return Content(
        reason,
        severity="critical",
        level_name=None if reason in _WITHOUT_LEVEL else words("manager"),
        respond_by=at + timedelta(minutes=12, seconds=30),
        contact=contact,
        causes=causes,
        away=PersonAway(at + timedelta(days=9), words("Sam Ortiz")) if words is not str else None,
        **particular,
    )


def _shortest(reason: Reason, at: datetime) -> Content:
    if reason in _ABOUT_NO_CONTACT:
        return _content(reason, at, str)
    needed = ("approval", "coaching")
    kept = {name: value for name, value in _particulars(reason, at, str).items() if name in needed}
    return Content(reason, **kept)


def _particulars(reason: Reason, at: datetime, words: Any) -> dict[str, Any]:
    """Return what only messages of this reason have."""
    particulars: dict[str, dict[str, Any]] = {
        **{each: {"explanation": "no answer from sam"} for each in _ASKED_IN_VAIN},
        "handed_over": {"explanation": f"sam hands it over: {words('she speaks German')}"},
        "approval_refused": {
            "explanation": f"omar does not approve 500 EUR (refund): {words('too much')}"
        },
        "lease_ending": {"lease_end": "progress"},
        "approval_asked": {
            "approval": PagedApproval(
                by=PersonId("sam"),
                outcome="refund",
                amount=Decimal(500),
                currency="EUR",
                note=words("Charged twice"),
            )
        },
        "coaching": {
            "coaching": PagedCoaching(
                by=PersonId("sam"), person_id=PersonId("rui"), text=words("How to end a call")
            )
        },
        "duty_gap": {
            "respond_by": at + timedelta(hours=4),
            "duty_gap": PagedDutyGap(
                schedule_id="managers",
                starts_at=at + timedelta(hours=4),
                ends_at=at + timedelta(hours=10),
                absent=(PersonId("kim"), PersonId("lee")),
            ),
        },
        "unserved": {
            "unserved_queue": PagedQueue(queue=words("warranty/pl"), fallback_queue="general/en")
        },
        "alarm": {"lost_timer": LostTimer(_CONTACT_ID, "clocks", at - timedelta(minutes=1))},
        "connection_silent": {"connection": _connection(at, None)},
        "connection_heard_again": {"connection": _connection(at, at)},
        "write_back_halted": {
            "write_back_halt": WriteBackHalt(SystemName("zendesk:acme"), words("answered 401"))
        },
        "status_webhook_disabled": {
            "disabled_status_webhook": DisabledStatusWebhook(
                SystemName("channel:shop"), words("answered 410 Gone")
            )
        },
        "maintenance_began": {"maintenance": _maintenance(at, words)},
        "maintenance_ended": {
            "maintenance": Maintenance(
                "topic", words("billing"), words("New system"), "mona", at, 7, "mona", at
            )
        },
        "summary": {"summary": Summary((_HELD, _HELD), later=3)},
    }
    return particulars.get(reason, {})


def _maintenance(at: datetime, words: Any) -> Maintenance:
    ends_at = at + timedelta(hours=1)
    return Maintenance("topic", words("billing"), words("New system"), "mona", ends_at)


def _connection(at: datetime, heard_at: datetime | None) -> PagedConnection:
    return PagedConnection(
        system=SystemName("zendesk:acme"),
        silent_since=at - timedelta(hours=2),
        expected_every_minutes=60,
        heard_at=heard_at,
    )
