"""What the calls of the matrix send where the example in OpenAPI does not fit the scenario."""

from collections.abc import Mapping
from typing import Any, Final

# Fields that replace those of the example; `{name}` is a value of the scenario.
BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "POST /v1/contacts/{contact_id}/messages": {
        "author": "representative",
        "text": "Hello",
        "person_id": None,
    },
    "POST /v1/contacts/{contact_id}/messages #customer": {
        "author": "customer",
        "text": "Hello",
        "person_id": None,
    },
    "POST /v1/escalations": {"contact_id": "{contact_id}"},
    "POST /v1/duty-schedules/{setting_id}/overrides": {
        "person_id": "sara",
        "instead_of": None,
        "from": "{tomorrow}",
        "until": "{in_two_days}",
    },
    "POST /v1/duty-schedules/{setting_id}/swaps": {
        "first": "sara",
        "second": "sam",
        "from": "{tomorrow}",
        "until": "{in_four_days}",
    },
    "POST /v1/escalations/{escalation_id}/snooze": {"until": "2099-01-01T00:00:00Z"},
    "POST /v1/sla-policies/match": {"topic": "billing"},
    "PUT /v1/sla-policies/{setting_id}": {
        "calendar_id": None,
        "calendar_by_region": {},
        "ladder_id": "default",
    },
    "POST /v1/simulations": {
        "drafts": [
            {
                "kind": "sla-policies",
                "id": "billing",
                "body": {
                    "targets": [{"clock": "first_response", "target_s": 60}],
                    "ladder_id": "default",
                    "severity": "low",
                },
            }
        ]
    },
    # The test of the webhook calls it; nobody listens there.
    "PUT /v1/status-webhooks/{source}": {"url": "https://127.0.0.1:9/statuses"},
    "PUT /v1/people/{person_id}": {"reports_to": "sara", "contact_methods": None},
    "PUT /v1/representatives/{representative_id}/adjustment": {
        "only_skills": [],
        "ends_at": "{tomorrow}",
    },
    "PUT /v1/teams/{setting_id}": {"supervisors": ["sara"]},
    "PUT /v1/duty-schedules/{setting_id}": {
        "rotations": [
            {
                "zone": "UTC",
                "starts_at": "2026-01-01T00:00:00Z",
                "shift_s": 86400,
                "members": ["sara", "sam"],
            }
        ],
    },
}
_ARCHIVED_KINDS: Final = ("sla-policies", "calendars", "ladders", "duty-schedules", "teams")
# Stops an admitted caller before the service needs Kafka, or archives what other calls need.
QUERIES: Final[Mapping[str, str]] = {
    "GET /v1/escalations/stream": "?last_event_id=none",
    "GET /v1/customers": "?email=ada%40example.com",
    # Its body names no contact that there is.
    "POST /v1/contacts/{contact_id}/merge": "",
    # It takes mails, and no JSON.
    "POST /v1/callbacks/email/reports": "",
    **{f"DELETE /v1/{kind}/{{setting_id}}": "?open_contacts=none" for kind in _ARCHIVED_KINDS},
}
