"""What the console calls the states, causes, clocks and outcomes of the services."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from common.contracts.clocks import ClockName
from common.contracts.contacts import Channel
from common.contracts.escalations import Cause, Severity
from common.contracts.event import PersonRole
from common.contracts.notifications import Medium
from common.contracts.page_subjects import Outcome
from console.texts import Texts, mark
from console.views.fallback import Labels
from console.views.reader import Reader

SEVERITIES: Final[Mapping[Severity, str]] = Labels(
    {
        "critical": mark("critical"),
        "high": mark("high"),
        "medium": mark("medium"),
        "low": mark("low"),
    }
)
SEVERITY_RANKS: Final = {severity: rank for rank, severity in enumerate(SEVERITIES)}

CHANNELS: Final[Mapping[Channel, str]] = Labels(
    {
        "call": mark("call"),
        "email": mark("email"),
        "chat": mark("chat"),
        "ticket": mark("ticket"),
        "case": mark("case"),
    }
)

CAUSES: Final[Mapping[Cause, str]] = Labels(
    {
        "breach": mark("Promise broken"),
        "warning": mark("Promise at risk"),
        "customer_request": mark("The customer asks for a supervisor"),
        "referral": mark("Referred by a colleague"),
        "repeated_contact": mark("The customer contacts us again and again"),
        "feedback": mark("Bad feedback"),
        "complaint": mark("Complaint"),
        "vip": mark("VIP customer"),
        "manual": mark("Raised by a colleague"),
    }
)

# What the customer lacks while the clock runs.
CLOCK_LACKS: Final[Mapping[ClockName, str]] = Labels(
    {
        "assignment": mark("nobody works on it"),
        "first_response": mark("no first reply"),
        "next_response": mark("no reply to the last message"),
        "periodic_update": mark("no update for the customer"),
        "resolution": mark("not resolved"),
        "acknowledgement": mark("nobody acknowledged"),
    }
)

CLOCKS: Final[Mapping[ClockName, str]] = Labels(
    {
        "assignment": mark("Somebody works on it"),
        "first_response": mark("First reply"),
        "next_response": mark("Next reply"),
        "periodic_update": mark("Regular update"),
        "resolution": mark("Resolution"),
        "acknowledgement": mark("Acknowledgement"),
    }
)

CLOCK_STATES: Final[Mapping[str, str]] = Labels(
    {
        "running": mark("running"),
        "paused": mark("paused"),
        "breached": mark("broken"),
        "met": mark("kept"),
        "cancelled": mark("no longer needed"),
    }
)

OUTCOMES: Final[Mapping[Outcome, str]] = Labels(
    {
        "answer": mark("Answer"),
        "apology": mark("Apology"),
        "refund": mark("Refund"),
        "credit": mark("Credit"),
        "replacement": mark("Replacement"),
        "service_adjustment": mark("Service adjustment"),
        "other": mark("Other"),
    }
)
# Outcomes that cost something, and so need an amount.
COSTLY_OUTCOMES: Final[frozenset[Outcome]] = frozenset(
    ("refund", "credit", "replacement", "service_adjustment")
)

STATES: Final[Mapping[str, str]] = Labels(
    {
        "raised": mark("waits for an answer"),
        "acknowledged": mark("acknowledged"),
        "taken_over": mark("taken over"),
        "approval_asked": mark("waits for an approval"),
        "handed_back": mark("handed back"),
        "resolved": mark("resolved"),
        "closed": mark("closed"),
    }
)
CLOSED_STATES: Final = frozenset(("handed_back", "resolved", "closed"))

MEDIA: Final[Mapping[Medium, str]] = Labels(
    {
        "slack": mark("Slack"),
        "email": mark("email"),
        "sms": mark("text message"),
        "teams": mark("Teams"),
        "webhook": mark("webhook"),
        "web_push": mark("notification on a device"),
        "voice": mark("phone call"),
        "whatsapp": mark("WhatsApp"),
        "apprise": mark("messaging service"),
    }
)

NOTIFICATION_STATES: Final[Mapping[str, str]] = Labels(
    {
        "pending": mark("waits to be sent"),
        "sending": mark("is being sent"),
        "sent": mark("sent"),
        "failed": mark("not delivered"),
        "cancelled": mark("no longer needed"),
        "held_back": mark("waits for a summary"),
        "grouped": mark("sent in a summary"),
        "superseded": mark("replaced by a newer one"),
    }
)

AUTHORS: Final[Mapping[str, str]] = Labels(
    {
        "customer": mark("Customer"),
        "representative": mark("Representative"),
    }
)

CONTACT_STATES: Final[Mapping[str, str]] = Labels(
    {
        "open": mark("open"),
        "waiting_on_customer": mark("waits for the customer"),
        "resolved": mark("resolved"),
        "abandoned": mark("the customer left"),
        "discarded": mark("discarded"),
        "merged": mark("merged"),
    }
)

WEEKDAYS: Final[Mapping[str, str]] = {
    "mon": mark("Monday"),
    "tue": mark("Tuesday"),
    "wed": mark("Wednesday"),
    "thu": mark("Thursday"),
    "fri": mark("Friday"),
    "sat": mark("Saturday"),
    "sun": mark("Sunday"),
}

# Templates translate a role by its name.
ROLES: Final[Mapping[PersonRole, str]] = Labels(
    {
        "representative": mark("representative"),
        "supervisor": mark("supervisor"),
        "manager": mark("manager"),
    }
)

SERVICES: Final[Mapping[str, str]] = Labels(
    {
        "escalation": mark("Escalations"),
        "intake": mark("Contacts and conversations"),
        "router": mark("Queues and people"),
        "notifier": mark("Messages to colleagues"),
    }
)


def medium_label(medium: str, reader: Reader) -> str:
    """Return what a person calls a medium; a newer service may have media without a text."""
    labels: Mapping[Any, str] = MEDIA
    return reader.texts.gettext(labels[medium])


def service_names(services: Sequence[str], texts: Texts) -> tuple[str, ...]:
    """Return what a person calls the parts that these services have."""
    return tuple(texts.gettext(SERVICES[service]) for service in services)


def title_of(identifier: str) -> str:
    """Write an id that people have chosen as a title: `floor-managers` as `Floor managers`."""
    text = identifier.replace("_", " ").replace("-", " ")
    return text[:1].upper() + text[1:]
