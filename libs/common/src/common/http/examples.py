"""The examples of the APIs: one company, one of its contacts, and how a model shows them.

`make run` starts with the same people. What several examples name stands here.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import ConfigDict

TEAM: Final = "care"
SKILLS: Final = ("billing", "returns")
TOPIC: Final = "billing"
REPRESENTATIVE: Final = "rita"
SUPERVISOR: Final = "sara"
MANAGER: Final = "marco"
DIRECTOR: Final = "dora"
# Superiors first: each must be known before somebody reports to them.
PEOPLE: Final[Mapping[str, Mapping[str, Any]]] = {
    DIRECTOR: {"name": "Dora Diaz", "roles": ["director"]},
    MANAGER: {"name": "Marco Mendes", "roles": ["manager"], "reports_to": DIRECTOR},
    SUPERVISOR: {
        "name": "Sara Singh",
        "roles": ["supervisor"],
        "reports_to": MANAGER,
        "team_id": TEAM,
    },
    REPRESENTATIVE: {
        "name": "Rita Rossi",
        "roles": ["representative"],
        "reports_to": SUPERVISOR,
        "team_id": TEAM,
        "skills": [*SKILLS],
        "languages": ["en"],
    },
    "bruno": {
        "name": "Bruno Bravo",
        "roles": ["representative"],
        "reports_to": SUPERVISOR,
        "team_id": TEAM,
        "skills": ["billing"],
        "languages": ["es", "en"],
    },
    "chen": {
        "name": "Chen Wei",
        "roles": ["representative"],
        "reports_to": SUPERVISOR,
        "team_id": TEAM,
        "skills": ["shipping"],
        "languages": ["en"],
    },
}

CHANNEL_SYSTEM: Final = "channel:shop"
CUSTOMER: Final = {"customer_id": "c-81", "name": "Ada Lovelace", "tier": "premium"}
MAILBOX: Final = "ada@example.com"
CUSTOMER_ID: Final = f"{CHANNEL_SYSTEM}:{CUSTOMER['customer_id']}"
# What customer service knows of the contact, by the names that all services use.
CONTACT: Final[Mapping[str, Any]] = {
    "channel": "chat",
    "subject": "Charged twice in March",
    "topic": TOPIC,
    "language": "en",
    "priority": "high",
}
CAMPAIGN: Final = "spring-sale"
TEXT: Final = "I see the same invoice twice on my card."
# The lowest level of the ladder.
LEVEL: Final = "supervisor"
CONTACT_ID: Final = "019cadfe-5200-7c52-9f5e-3d1d5b1f0a11"
OTHER_CONTACT_ID: Final = "019cadf8-d3c0-749f-a0af-38154619ae68"
MESSAGE_ID: Final = "019cadfe-5201-7a3c-8e11-5a0c77d2b9f4"
ESCALATION_ID: Final = "019cae07-79c0-7a40-9c52-4f6b7e0d9a01"
COMPLAINT_ID: Final = "019cae0c-f400-7e21-b6d3-0c9a1f2e8b57"
NOTIFICATION_ID: Final = "019cae07-7da8-7bd3-8f5e-0d5f3f7f2c11"
EVENT_ID: Final = "019cadfe-5202-7c52-9f5e-3d1d5b1f0a12"

# Of the day on which the examples play.
RECEIVED_AT: Final = "2026-03-02T10:00:00Z"
ASSIGNED_AT: Final = "2026-03-02T10:00:05Z"
RAISED_AT: Final = "2026-03-02T10:10:00Z"
RESPOND_BY: Final = "2026-03-02T10:15:00Z"
ACTED_AT: Final = "2026-03-02T10:12:00Z"
HEADLINE: Final = "Billing chat from “Ada Lovelace”: first response 2 min overdue"
CAUSE: Final = "No reply within 15 min (policy billing v1)"
SNOOZED_UNTIL: Final = "2026-03-02T11:00:00Z"

Example = Mapping[str, Any]


def with_examples(*examples: Example) -> ConfigDict:
    """Return the configuration of a model that shows these examples of itself."""
    return ConfigDict(json_schema_extra={"examples": [dict(example) for example in examples]})


def contact_method(person: str, medium: Literal["slack", "email"]) -> dict[str, str]:
    """Return how the person is reached, as router and notifier take it."""
    if medium == "slack":
        name = person.upper()
        return {"medium": "slack", "channel": f"D0{name}", "user_id": f"U0{name}"}
    return {"medium": "email", "address": f"{person}@example.com"}
