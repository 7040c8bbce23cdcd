"""Example bodies of settings for the API's document, by the kind's path."""

from typing import Any, Final

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "sla-policies": {
        "match": {"tier": ["premium", "vip"], "topic": ["billing"]},
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
        "calendar_id": "berlin",
        "calendar_by_region": {"APAC": "tokyo"},
        "ladder_id": "default",
        "severity": "high",
    },
    "calendars": {
        "zone": "Europe/Berlin",
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
                "name": "supervisors",
                "acknowledge_within_s": 300,
                "who": [{"kind": "duty", "schedule_id": "supervisors"}],
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
                    {"kind": "person", "person_id": "mia"},
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
                "zone": "Europe/Berlin",
                "starts_at": "2026-03-02T08:00:00+01:00",
                "shift_s": 86400,
                "members": ["sam", "kim"],
                "hours": {
                    "mon": [["08:00", "20:00"]],
                    "tue": [["08:00", "20:00"]],
                },
            }
        ],
        "covers": {
            "zone": "Europe/Berlin",
            "hours": {"mon": [["08:00", "20:00"]], "tue": [["08:00", "20:00"]]},
        },
        "overrides": [
            {
                "person_id": "lee",
                "from": "2026-03-05T08:00:00+01:00",
                "until": "2026-03-06T08:00:00+01:00",
            }
        ],
    },
    "absences": {
        "absences": [{"from": "2026-08-03T00:00:00Z", "until": "2026-08-17T00:00:00Z"}],
    },
    "teams": {"supervisors": ["sam", "kim"]},
    "approval-limits": {"limits": {"EUR": "100.00", "USD": "100.00"}},
}
