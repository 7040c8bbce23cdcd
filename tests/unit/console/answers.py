"""What the services answer about one escalation, and who reads it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from common.contracts.event import PersonRole
from console.texts import Texts
from console.views.reader import Reader

NOW = datetime(2026, 3, 2, 10, 12, tzinfo=UTC)
CONTACT_ID = "019cadfe-5200-7c52-9f5e-3d1d5b1f0a11"
ESCALATION_ID = "019cae07-79c0-7a40-9c52-4f6b7e0d9a01"
NAMES = {"sara": "Sara Singh", "sam": "Sam Stone", "rita": "Rita Rossi", "dora": "Dora Diaz"}


def reader(
    person: str = "sara",
    role: PersonRole = "supervisor",
    language: str = "en",
    teams: frozenset[str] = frozenset(),
    now: datetime = NOW,
) -> Reader:
    return Reader(person, role, now, Texts.of(language, ZoneInfo("UTC")), teams, NAMES)


def ahead(**span: float) -> str:
    """Return the time so far after NOW, or before it if negative, as the services write it."""
    return (NOW + timedelta(**span)).isoformat()


def promise(**changes: Any) -> dict[str, Any]:
    policy = {"id": "gold", "version": 3}
    return {"policy": policy, "target_s": 600.0, "state": "breached", **changes}


def cause(kind: str = "breach", **changes: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "reason": "No reply within 10 min (policy gold v3)",
        "at": ahead(minutes=-2),
        "by": None,
        "about": None,
        "clock": "first_response" if kind in ("breach", "warning") else None,
        "due_at": ahead(minutes=-3) if kind in ("breach", "warning") else None,
        "score": None,
        "count": 1,
        "finding": None,
        "complaint_id": None,
        "promise": promise() if kind in ("breach", "warning") else None,
        **changes,
    }


def approval(**changes: Any) -> dict[str, Any]:
    return {
        "asked_by": "sam",
        "outcome": "refund",
        "amount": "120.00",
        "currency": "EUR",
        "note": "She waited three weeks.",
        "asked_at": ahead(minutes=-1),
        "level_name": "manager",
        **changes,
    }


def contact_of_escalation(**changes: Any) -> dict[str, Any]:
    return {
        "channel": "chat",
        "subject": "Charged twice in March",
        "topic": "billing",
        "customer": "Ada Lovelace",
        "representative_id": "rita",
        "team_id": "care",
        **changes,
    }


def escalation(**changes: Any) -> dict[str, Any]:
    causes = changes.pop("causes", [cause()])
    return {
        "escalation_id": ESCALATION_ID,
        "contact_id": CONTACT_ID,
        "version": 2,
        "state": "raised",
        "severity": "high",
        "level": 0,
        "level_name": "supervisor",
        "ladder": "default v1",
        "holder": None,
        "awaited": ["sara"],
        "deadline": ahead(minutes=4),
        "left_s": 240.0,
        "lease_end": None,
        "snoozed_until": None,
        "snoozes": 0,
        "alarm_since": None,
        "raised_at": ahead(minutes=-2),
        "closed_at": None,
        "approval": None,
        "outcome": None,
        "amount": None,
        "currency": None,
        "approved_by": None,
        "note": None,
        "causes": causes,
        "cause_count": len(causes),
        "contact": contact_of_escalation(),
        "unreached": [],
        "latest_step": None,
        "actions": [],
        **changes,
    }


def held_by(person: str, state: str = "acknowledged", **changes: Any) -> dict[str, Any]:
    return escalation(
        **{
            "state": state,
            "holder": person,
            "awaited": [],
            "deadline": ahead(minutes=15),
            "lease_end": "progress",
            **changes,
        }
    )


def event(name: str, minutes: float = 0, **data: Any) -> dict[str, Any]:
    return {
        "type": f"upstairs.{name}.v1",
        "at": ahead(minutes=minutes),
        "cause": None,
        "data": data,
    }


def notification(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "page",
        "page_id": "019cae07-7da8-7bd3-8f5e-0d5f3f7f2c12",
        "state": "sent",
        "person_id": "sara",
        "medium": "slack",
        "requested_at": ahead(minutes=-2),
        "sent_at": ahead(minutes=-2),
        "delivered_at": None,
        "seen_at": None,
        "acted_at": None,
        "reason": None,
        "reason_code": None,
        "reason_parameters": {},
        "delay_reason": None,
        "delay_code": None,
        "failover_from": None,
        "history": [],
        **changes,
    }


def message(text: str, author: str = "customer", **changes: Any) -> dict[str, Any]:
    return {
        "message_id": "019cadfe-5201-7a3c-8e11-5a0c77d2b9f4",
        "author": author,
        "person_id": None if author == "customer" else "rita",
        "text": text,
        "at": ahead(minutes=-12),
        "automatic": False,
        "internal": False,
        "attachments": [],
        **changes,
    }


def conversation(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"customer_id": "channel:shop:c-81", "messages": [*messages], "next_cursor": None}


def clock(name: str = "first_response", **changes: Any) -> dict[str, Any]:
    return {
        "clock": name,
        "run": 1,
        "state": "running",
        "summary": "Promised within 10 min by policy gold v3; 4 min left.",
        "policy": {"id": "gold", "version": 3},
        "calendar": None,
        "target_s": 600.0,
        "started_at": ahead(minutes=-6),
        "due_at": ahead(minutes=4),
        "thresholds": [],
        "met_at": None,
        "cancelled_at": None,
        "paused_at": None,
        "paused_reason": None,
        "elapsed_s": 360.0,
        "left_s": 240.0,
        "left_business_s": 240.0,
        "timeline": [
            {
                "at": ahead(minutes=-6),
                "run": 1,
                "text": "started, 10 min round the clock by policy gold v3",
                "code": "started",
                "parameters": {
                    "policy_id": "gold",
                    "policy_version": 3,
                    "calendar_id": None,
                    "target_s": 600.0,
                    "due_at": ahead(minutes=4),
                },
                "reason": {"code": "contact-received"},
            }
        ],
        **changes,
    }


def clocks(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"contact_id": CONTACT_ID, "at": NOW.isoformat(), "clocks": [*listed]}


def page(*items: dict[str, Any], next_cursor: str | None = None) -> dict[str, Any]:
    return {"items": [*items], "next_cursor": next_cursor}
