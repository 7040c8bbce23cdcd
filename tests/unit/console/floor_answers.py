"""What the services answer about queues, people and duty."""

from collections.abc import Sequence
from typing import Any

from unit.console.answers import CONTACT_ID, ahead


def queue(name: str = "billing/en", **changes: Any) -> dict[str, Any]:
    return {
        "queue": name,
        "waiting": 0,
        "oldest_waiting_s": None,
        "stands_in_for": [],
        "served": True,
        "available_representatives": 1,
        "free_slots": 1,
        "teams": [],
        **changes,
    }


def representative(person: str = "rita", **changes: Any) -> dict[str, Any]:
    return {
        "representative_id": person,
        "name": person.capitalize(),
        "team_id": "care",
        "skills": ["billing"],
        "languages": ["en"],
        "capacity": 3,
        "usual_capacity": 3,
        "auto_accept": True,
        "offer_s": 20,
        "active": True,
        "presence": "available",
        "presence_reason": None,
        "presence_since": ahead(minutes=-30),
        "load": 1,
        "free_slots": 2,
        "idle_since": ahead(minutes=-5),
        "longest_contact": None,
        "missed_offers": 0,
        "adjustment": None,
        **changes,
    }


def adjustment(**changes: Any) -> dict[str, Any]:
    return {
        "person_id": "rita",
        "number": 4,
        "capacity": 1,
        "added_skills": [],
        "removed_skills": [],
        "only_skills": [],
        "only_languages": [],
        "reason": "in training",
        "ends_at": ahead(hours=2),
        "set_by": "sara",
        "set_at": ahead(minutes=-1),
        "ended_at": None,
        "ended_by": None,
        "end_cause": None,
        **changes,
    }


def assignment(person: str | None = "rita", **changes: Any) -> dict[str, Any]:
    return {
        "contact_id": CONTACT_ID,
        "state": "assigned",
        "since": ahead(minutes=-6),
        "queue": "billing/en",
        "unserved_queue": None,
        "connection": None,
        "representative_id": person,
        "reason": "rita has been free longest.",
        "waiting_since": ahead(minutes=-7),
        "declined_by": [],
        "referral": None,
        "supervisor_id": None,
        **changes,
    }


def ladder(*levels: dict[str, Any], name: str = "default") -> dict[str, Any]:
    return {"ladder": {"id": name, "version": 1}, "at": ahead(), "levels": [*levels]}


def person_asked(person: str, **changes: Any) -> dict[str, Any]:
    return {
        "person_id": person,
        "reason": "on duty by support",
        "rule": "duty",
        "setting_id": "support",
        "stands_in": False,
        "on_duty_until": ahead(hours=2),
        "media": ["slack"],
        **changes,
    }


def level(*people: dict[str, Any], vacancies: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {
        "level": 0,
        "name": "supervisor",
        "ask": "all",
        "acknowledge_within_s": 300.0,
        "people": [*people],
        "skipped": [],
        "vacancies": [*vacancies],
    }


def vacancy(code: str, **changes: Any) -> dict[str, Any]:
    return {
        "code": code,
        "level_name": "supervisors",
        "people": [],
        "setting_id": None,
        "also_asked": [],
        **changes,
    }


def shift(person: str, starts_in_h: float, hours: float) -> dict[str, Any]:
    return {"person_id": person, **period(starts_in_h, hours)}


def period(starts_in_h: float, hours: float) -> dict[str, Any]:
    return {"start": ahead(hours=starts_in_h), "end": ahead(hours=starts_in_h + hours)}


def change_request(**changes: Any) -> dict[str, Any]:
    return {
        "request_id": "019cae10-0a10-7d55-b0f1-5e2c8a9b4c66",
        "schedule_id": "support",
        "change": {
            "first": "sam",
            "second": "sara",
            "from": ahead(days=3),
            "until": ahead(days=4),
        },
        "removes": False,
        "asked_by": "sam",
        "person_id": "sara",
        "asked_at": ahead(minutes=-2),
        "expires_at": ahead(days=2),
        "state": "asked",
        **changes,
    }


def override(**changes: Any) -> dict[str, Any]:
    return {
        "person_id": "sam",
        "instead_of": None,
        "from": ahead(days=1),
        "until": ahead(days=2),
        **changes,
    }


def coaching_page(page_id: str = "page-1", **changes: Any) -> dict[str, Any]:
    return {
        "page_id": page_id,
        "escalation_id": "019cae07-79c0-7a40-9c52-4f6b7e0d9a01",
        "requested_at": ahead(minutes=-20),
        "content": {"coaching": {"by": "sam", "person_id": "rita", "text": "Say no kindly."}},
        **changes,
    }
