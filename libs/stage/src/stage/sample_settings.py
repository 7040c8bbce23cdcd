"""People and settings of the demo, `make run` and the acceptance tests; all times are short."""

from typing import Any

from common.http.examples import DIRECTOR, MANAGER, PEOPLE, SUPERVISOR

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
    person: f"{fields['name']} ({fields['roles'][0]})".removesuffix(" (representative)")
    for person, fields in PEOPLE.items()
}
DUTIES = {"supervisors": [SUPERVISOR], "managers": [MANAGER], "directors": [DIRECTOR]}
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
