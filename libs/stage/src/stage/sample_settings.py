"""People and settings of the demo, `make run` and the acceptance tests; all times are short."""

from typing import Any

ZENDESK_CONNECTION = "acme"
ROLES = {
    "shop": "channel",
    "rita": "representative",
    "bruno": "representative",
    "chen": "representative",
    "sara": "supervisor",
    "marco": "manager",
    "dora": "manager",
    "ops": "admin",
}
NAMES = {
    "rita": "Rita Rossi",
    "bruno": "Bruno Bravo",
    "chen": "Chen Wei",
    "sara": "Sara Singh (supervisor)",
    "marco": "Marco Mendes (manager)",
    "dora": "Dora Diaz (director)",
}
DUTIES = {"supervisors": ["sara"], "managers": ["marco"], "directors": ["dora"]}
# Superiors first: each must be known before somebody reports to them.
PEOPLE: dict[str, dict[str, Any]] = {
    "dora": {"roles": ["director"]},
    "marco": {"roles": ["manager"], "reports_to": "dora"},
    "sara": {"roles": ["supervisor"], "reports_to": "marco", "team_id": "care"},
    "rita": {
        "roles": ["representative"],
        "reports_to": "sara",
        "team_id": "care",
        "skills": ["billing", "returns"],
        "languages": ["en"],
    },
    "bruno": {
        "roles": ["representative"],
        "reports_to": "sara",
        "team_id": "care",
        "skills": ["billing"],
        "languages": ["es", "en"],
    },
    "chen": {
        "roles": ["representative"],
        "reports_to": "sara",
        "team_id": "care",
        "skills": ["shipping"],
        "languages": ["en"],
    },
}
# Whom contacts are offered first; the others get them at once.
ASKED_FIRST = ("chen",)
APPROVAL_LIMITS: dict[str, dict[str, Any]] = {
    # That of supervisors is not above it.
    "manager": {"unlimited": True},
    "supervisor": {"limits": {"EUR": "100.00"}},
}
LADDER: dict[str, Any] = {
    "lease_s": 60,
    "working_lease_s": 600,
    "levels": [
        {
            "name": "supervisor",
            "acknowledge_within_s": 2,
            "who": [{"kind": "duty", "schedule_id": "supervisors"}],
        },
        {
            "name": "manager",
            "acknowledge_within_s": 15,
            "who": [{"kind": "duty", "schedule_id": "managers"}],
        },
        {
            "name": "director",
            "acknowledge_within_s": 15,
            "who": [
                {"kind": "duty", "schedule_id": "directors"},
                {"kind": "person", "person_id": "dora"},
            ],
        },
    ],
}
# Enough time for a person to act, also in `make run`.
PATIENT_LADDER = {
    **LADDER,
    "levels": [{**level, "acknowledge_within_s": 60} for level in LADDER["levels"]],
}
POLICIES: dict[str, dict[str, Any]] = {
    "billing": {
        "match": {"topic": ["billing"]},
        "ladder_id": "default",
        "severity": "high",
        "targets": [
            {"clock": "assignment", "target_s": 10},
            {
                "clock": "first_response",
                "target_s": 3,
                "thresholds": [{"action": "warn_representative", "at_percent": 60}],
            },
            {"clock": "resolution", "target_s": 600},
        ],
    },
    "returns": {
        "match": {"topic": ["returns"]},
        "ladder_id": "patient",
        "severity": "medium",
        "targets": [
            {"clock": "assignment", "target_s": 10},
            {"clock": "first_response", "target_s": 3},
            {"clock": "resolution", "target_s": 600},
        ],
    },
    "standard": {
        "match": {},
        "ladder_id": "patient",
        "severity": "medium",
        "targets": [
            {"clock": "assignment", "target_s": 20},
            {
                "clock": "first_response",
                "target_s": 30,
                "thresholds": [{"action": "warn_representative", "at_percent": 75}],
            },
            {"clock": "resolution", "target_s": 600},
        ],
    },
}
