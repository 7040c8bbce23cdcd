"""What escalation answers about a simulation, and the form that asks for it."""

from typing import Any

POLICY: dict[str, Any] = {
    "targets": [
        {"clock": "first_response", "target_s": 600, "thresholds": [{"action": "raise"}]},
        {"clock": "resolution", "target_s": 7200.0},
    ],
    "ladder_id": "default",
    "severity": "high",
    "match": {"tier": ["vip"]},
}
VALUES = {
    "target-first_response": "7,5 min",
    "target-resolution": "2 hours",
    "ladder_id": "night",
    "days": "7",
    "contacts": "500",
    "answer": "nobody",
}
SAME = {"before": 3, "after": 3}
RESULT: dict[str, Any] = {
    "contacts": 240,
    "changed": 31,
    "without_policy": {"before": 0, "after": 0},
    "breaches": {"before": 12, "after": 43},
    "escalations": {"before": 12, "after": 41},
    "unanswered": SAME,
    "pages": SAME,
    "policies": [
        {
            "policy_id": "gold",
            "contacts": SAME,
            "breaches": SAME,
            "escalations": SAME,
            "clocks": [{"clock": "first_response", "promises": SAME, "breaches": SAME}],
        }
    ],
    "levels": [{"level": "supervisors", "pages": {"before": 5, "after": 2}}],
    "examples": [
        {
            "contact_id": "019cae07-79c0-7a40-9c52-4f6b7e0d9a01",
            "before": {"policy_id": "gold", "breaches": [], "highest_level": None},
            "after": {
                "policy_id": "gold",
                "breaches": ["first_response"],
                "highest_level": "supervisors",
            },
        }
    ],
}


def job(**changes: Any) -> dict[str, Any]:
    return {
        "simulation_id": "019cae07-79c0-7a40-9c52-4f6b7e0d9a02",
        "state": "done",
        "drafts": [{"body": {**POLICY, "ladder_id": "night"}}],
        "since": "2026-03-01T10:00:00+00:00",
        "until": "2026-03-02T10:00:00+00:00",
        "latest_contacts": 500,
        "answer_after_s": None,
        "failure": None,
        "failure_code": None,
        "errors": [],
        "processed": 240,
        "total": 240,
        "result": RESULT,
        **changes,
    }
