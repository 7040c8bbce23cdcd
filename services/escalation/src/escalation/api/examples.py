"""The examples of the API: settings of the sample company, and answers about one escalation."""

from typing import Any, Final

from common.http.examples import (
    ACTED_AT,
    COMPLAINT_ID,
    CONTACT,
    CONTACT_ID,
    CUSTOMER,
    CUSTOMER_ID,
    DIRECTOR,
    ESCALATION_ID,
    LEVEL,
    MANAGER,
    RAISED_AT,
    RECEIVED_AT,
    REPRESENTATIVE,
    RESPOND_BY,
    SUPERVISOR,
    TEAM,
    TOPIC,
)

CALENDAR_ID: Final = "berlin"
LADDER_ID: Final = "default"
SCHEDULE_ID: Final = "supervisors"
# By the kind's path.
SETTING_IDS: Final = {
    "sla-policies": "billing",
    "calendars": CALENDAR_ID,
    "ladders": LADDER_ID,
    "duty-schedules": SCHEDULE_ID,
    "absences": SUPERVISOR,
    "teams": TEAM,
    "approval-limits": "supervisor",
}
_ZONE: Final = "Europe/Berlin"
_DUTY_HOURS: Final = {day: [["08:00", "20:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
# Of changes of duty, which must be in the future.
_FROM: Final = "2030-12-23T07:00:00Z"
_UNTIL: Final = "2031-01-03T19:00:00Z"
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "sla-policies": {
        "match": {"tier": ["premium", "vip"], "topic": [TOPIC]},
        "targets": [
            {
                "clock": "first_response",
                "target_s": 900,
                "thresholds": [{"action": "warn_representative", "at_percent": 80}],
            },
            {
                "clock": "resolution",
                "target_s": 28800,
                "thresholds": [
                    {
                        "action": "change_priority",
                        "at_percent": 50,
                        "priority": "urgent",
                    },
                    {"action": "warn_supervisor", "offset_s": -1800},
                    {"action": "raise", "at_percent": 100},
                    {"action": "raise", "offset_s": 3600},
                ],
            },
            {"clock": "periodic_update", "target_s": 7200, "runs_while_waiting": True},
        ],
        "calendar_by_region": {"EMEA": CALENDAR_ID},
        "ladder_id": LADDER_ID,
        "severity": "high",
    },
    "calendars": {
        "zone": _ZONE,
        "hours": {
            "mon": [["09:00", "12:30"], ["13:00", "17:00"]],
            "sat": [["10:00", "14:00"]],
        },
        "holidays": [{"country": "DE", "region": "BE"}],
        "special": {"2026-12-24": [["09:00", "12:00"]]},
        "closed": ["2026-12-28"],
    },
    "ladders": {
        "levels": [
            {
                "name": LEVEL,
                "acknowledge_within_s": 300,
                "who": [{"kind": "duty", "schedule_id": SCHEDULE_ID}],
            },
            {
                "name": "team",
                "acknowledge_within_s": 600,
                "who": [{"kind": "team_supervisors"}],
                "ask": "in_turn",
                "repeats": 1,
            },
            {
                "name": "manager",
                "acknowledge_within_s": 600,
                "who": [
                    {"kind": "reporting_line", "steps": 2},
                    {"kind": "person", "person_id": MANAGER},
                ],
                "media": ["slack"],
            },
        ],
        "lease_s": 900,
        "working_lease_s": 7200,
    },
    "duty-schedules": {
        "rotations": [
            {
                "zone": _ZONE,
                "starts_at": "2026-03-02T08:00:00+01:00",
                "shift_s": 86400,
                "members": [SUPERVISOR, MANAGER],
                "hours": _DUTY_HOURS,
            }
        ],
        "covers": {"zone": _ZONE, "hours": _DUTY_HOURS},
    },
    "absences": {
        "absences": [
            {
                "from": "2030-08-05T00:00:00Z",
                "until": "2030-08-19T00:00:00Z",
                "stand_in": MANAGER,
            }
        ],
    },
    "teams": {"supervisors": [SUPERVISOR]},
    "approval-limits": {"limits": {"EUR": "100.00", "USD": "100.00"}},
}

DUTY_VERSION: Final = {
    "version": 1,
    "state": "in_force",
    "from": None,
    "until": None,
    "put_at": RECEIVED_AT,
    "put_by": MANAGER,
    "body": SETTINGS["duty-schedules"],
}
OVERRIDE: Final = {
    "person_id": DIRECTOR,
    "from": _FROM,
    "until": _UNTIL,
    "instead_of": MANAGER,
}
SWAP: Final = {"first": SUPERVISOR, "second": MANAGER, "from": _FROM, "until": _UNTIL}
CHANGE_REQUEST: Final = {
    "request_id": "019cae10-0a10-7d55-b0f1-5e2c8a9b4c66",
    "schedule_id": SCHEDULE_ID,
    "change": SWAP,
    "removes": False,
    "asked_by": SUPERVISOR,
    "person_id": MANAGER,
    "asked_at": ACTED_AT,
    "expires_at": "2026-03-09T10:12:00Z",
    "state": "asked",
}
OVERRIDE_ID: Final = "5b0a44d6-17d1-5a44-9a26-0d9a1f5d3c21"
SWAP_ID: Final = "0f1cf2a5-64c3-5f0e-8d55-7a3f9f0a6b12"
SHIFT: Final = {
    "person_id": SUPERVISOR,
    "start": "2026-03-02T07:00:00Z",
    "end": "2026-03-02T19:00:00Z",
}
GAP: Final = {"start": "2026-03-07T07:00:00Z", "end": "2026-03-07T19:00:00Z"}
ON_DUTY: Final = {"at": RAISED_AT, "person_ids": [SUPERVISOR]}

REASON: Final = "A journalist is on the line."
_ACKNOWLEDGED_TYPE: Final = "upstairs.escalation_acknowledged.v1"
_LEASE_ENDS_AT: Final = "2026-03-02T10:27:00Z"
_ACKNOWLEDGED: Final = {"by": SUPERVISOR, "lease_expires_at": _LEASE_ENDS_AT}
CONTACT_FACTS: Final = {
    "channel": CONTACT["channel"],
    "subject": CONTACT["subject"],
    "topic": CONTACT["topic"],
    "customer": CUSTOMER["name"],
    "representative_id": REPRESENTATIVE,
    "team_id": TEAM,
    "customer_id": CUSTOMER_ID,
    "tier": CUSTOMER["tier"],
    "priority": CONTACT["priority"],
    "language": CONTACT["language"],
    "received_at": RECEIVED_AT,
    "next_clock": {"clock": "resolution", "due_at": RESPOND_BY},
}
ESCALATION: Final[dict[str, Any]] = {
    "escalation_id": ESCALATION_ID,
    "contact_id": CONTACT_ID,
    "version": 2,
    "state": "acknowledged",
    "severity": "high",
    "level": 0,
    "level_name": LEVEL,
    "level_count": 3,
    "ladder": f"{LADDER_ID} v1",
    "holder": SUPERVISOR,
    "awaited": [],
    "unreached": [],
    "deadline": _LEASE_ENDS_AT,
    "left_s": 900.0,
    "lease_end": "progress",
    "snoozed_until": None,
    "snoozes": 0,
    "alarm_since": None,
    "raised_at": RAISED_AT,
    "closed_at": None,
    "approval": None,
    "outcome": None,
    "amount": None,
    "currency": None,
    "approved_by": None,
    "note": None,
    "causes": [
        {
            "kind": "referral",
            "reason": REASON,
            "at": RAISED_AT,
            "by": REPRESENTATIVE,
            "about": None,
            "clock": None,
            "due_at": None,
            "score": None,
            "count": 1,
            "finding": None,
            "complaint_id": None,
            "promise": None,
        }
    ],
    "cause_count": 1,
    "contact": CONTACT_FACTS,
    "latest_step": {
        "type": _ACKNOWLEDGED_TYPE,
        "at": ACTED_AT,
        "actor": SUPERVISOR,
        "data": _ACKNOWLEDGED,
    },
    "actions": [
        {
            "action": "acknowledge",
            "allowed": False,
            "code": "held-by-other",
            "detail": f"It is acknowledged by {SUPERVISOR}.",
        },
        {"action": "note", "allowed": True, "code": None, "detail": None},
    ],
}
EVENT: Final = {
    "type": _ACKNOWLEDGED_TYPE,
    "at": ACTED_AT,
    "cause": SUPERVISOR,
    "data": _ACKNOWLEDGED,
}
AUDIT_TRAIL: Final = {
    "escalation_id": ESCALATION_ID,
    "length": 1,
    "head": "9f2c…",
    "intact": True,
    "entries": [
        {
            "number": 1,
            "at": ACTED_AT,
            "actor": SUPERVISOR,
            "action": "acknowledged",
            "reason": "",
            "data": _ACKNOWLEDGED,
            "previous": "",
            "hash": "9f2c…",
        }
    ],
    "next_cursor": None,
}
COMPLAINT: Final = {
    "complaint_id": COMPLAINT_ID,
    "contact_id": CONTACT_ID,
    "escalation_id": ESCALATION_ID,
    "about": SUPERVISOR,
    "by": REPRESENTATIVE,
    "reason": "She shouted at me in front of the customer.",
    "raised_at": ACTED_AT,
    "state": "open",
    "closed_at": None,
    "judged_by": None,
    "judgement": None,
}
POLICY_REF: Final = {"id": SETTING_IDS["sla-policies"], "version": 1}
CALENDAR_REF: Final = {"id": CALENDAR_ID, "version": 1}
POLICY_MATCH: Final = {
    "policy": POLICY_REF,
    "calendar": CALENDAR_REF,
    "ladder_id": LADDER_ID,
    "others": [
        {
            "policy": {"id": "standard", "version": 1},
            "mismatches": [],
            "reason": "billing comes first: it matches more keys.",
        }
    ],
}
LADDER_PREVIEW: Final = {
    "ladder": {"id": LADDER_ID, "version": 1},
    "at": RAISED_AT,
    "levels": [
        {
            "level": 0,
            "name": LEVEL,
            "ask": "all",
            "acknowledge_within_s": 300.0,
            "people": [
                {
                    "person_id": SUPERVISOR,
                    "reason": f"on duty by {SCHEDULE_ID}",
                    "rule": "duty",
                    "setting_id": SCHEDULE_ID,
                    "stands_in": False,
                    "on_duty_until": SHIFT["end"],
                    "media": ["slack", "email"],
                }
            ],
            "skipped": [],
            "vacancies": [],
        }
    ],
}
CONTACT_RESPONDERS: Final = {
    "contact_id": CONTACT_ID,
    "escalation_id": ESCALATION_ID,
    "level": 0,
    **LADDER_PREVIEW,
}
LATENESS: Final = {
    "since": "2026-03-01T10:12:00Z",
    "until": ACTED_AT,
    "deadlines": [
        {
            "policy": SETTING_IDS["sla-policies"],
            "kind": "first_response",
            "count": 120,
            "p50_ms": 3.1,
            "p99_ms": 11.8,
            "max_ms": 14.2,
            "over_50_ms": 0,
        }
    ],
}
