"""The examples of simulations."""

from typing import Any, Final

from common.http.examples import ACTED_AT, CONTACT_ID, LEVEL, RAISED_AT, RECEIVED_AT
from escalation.api.examples import SETTING_IDS, SETTINGS

SIMULATION_ID: Final = "019cad54-1c00-7000-8000-0000000051a1"
_POLICY_ID: Final = SETTING_IDS["sla-policies"]
SIMULATION_REQUEST: Final[dict[str, Any]] = {
    "drafts": [{"kind": "sla-policies", "id": _POLICY_ID, "body": SETTINGS["sla-policies"]}],
    "latest_contacts": 2000,
    "answer_after_s": 120.0,
}
SIMULATION: Final[dict[str, Any]] = {
    "simulation_id": SIMULATION_ID,
    "state": "done",
    "asked_by": "marco",
    "asked_at": ACTED_AT,
    "since": RECEIVED_AT,
    "until": RAISED_AT,
    "latest_contacts": 2000,
    "answer_after_s": 120.0,
    "drafts": SIMULATION_REQUEST["drafts"],
    "processed": 240,
    "total": 240,
    "failure": None,
    "failure_code": None,
    "errors": [],
    "result": {
        "contacts": 240,
        "changed": 31,
        "without_policy": {"before": 0, "after": 0},
        "breaches": {"before": 12, "after": 43},
        "escalations": {"before": 12, "after": 41},
        "unanswered": {"before": 0, "after": 0},
        "pages": {"before": 30, "after": 84},
        "policies": [
            {
                "policy_id": _POLICY_ID,
                "contacts": {"before": 240, "after": 240},
                "breaches": {"before": 12, "after": 43},
                "escalations": {"before": 12, "after": 41},
                "clocks": [
                    {
                        "clock": "first_response",
                        "promises": {"before": 240, "after": 240},
                        "breaches": {"before": 12, "after": 43},
                    }
                ],
            }
        ],
        "levels": [{"level": LEVEL, "pages": {"before": 12, "after": 41}}],
        "examples": [
            {
                "contact_id": CONTACT_ID,
                "before": {
                    "policy_id": _POLICY_ID,
                    "breaches": [],
                    "escalations": 0,
                    "highest_level": None,
                    "pages": 0,
                },
                "after": {
                    "policy_id": _POLICY_ID,
                    "breaches": ["first_response"],
                    "escalations": 1,
                    "highest_level": LEVEL,
                    "pages": 1,
                },
            }
        ],
    },
}
