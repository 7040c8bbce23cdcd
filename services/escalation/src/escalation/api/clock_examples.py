"""The examples of clocks."""

from typing import Final

from common.http.examples import ACTED_AT, CONTACT_ID, RECEIVED_AT, RESPOND_BY
from escalation.api.examples import CALENDAR_REF, CONTACT_FACTS, POLICY_REF

CLOCKS: Final = {
    "contact_id": CONTACT_ID,
    "at": ACTED_AT,
    "reopenings": 0,
    "reply_owed_since": RECEIVED_AT,
    "waiting_since": None,
    "wait_ends_at": None,
    "clocks": [
        {
            "clock": "first_response",
            "run": 1,
            "state": "running",
            "summary": "first response due in 3 min",
            "policy": POLICY_REF,
            "calendar": CALENDAR_REF,
            "target_s": 900.0,
            "started_at": RECEIVED_AT,
            "due_at": RESPOND_BY,
            "thresholds": [
                {
                    "percent": 80,
                    "offset_s": None,
                    "action": "warn_representative",
                    "priority": None,
                    "due_at": ACTED_AT,
                    "fired_at": ACTED_AT,
                    "lateness_ms": 4.0,
                }
            ],
            "met_at": None,
            "cancelled_at": None,
            "paused_at": None,
            "paused_reason": None,
            "elapsed_s": 720.0,
            "left_s": 180.0,
            "left_business_s": 180.0,
            "timeline": [
                {
                    "at": RECEIVED_AT,
                    "run": 1,
                    "text": "paused after 12 min: waiting for the customer",
                    "code": "paused",
                    "parameters": {"elapsed_s": 720.0},
                    "reason": {"code": "customer-awaited"},
                }
            ],
        }
    ],
}
DUE_CLOCK: Final = {
    "contact_id": CONTACT_ID,
    "clock": "first_response",
    "due_at": RESPOND_BY,
    "left_s": 180.0,
    "left_business_s": 180.0,
    "target_s": 900.0,
    "started_at": RECEIVED_AT,
    "policy": POLICY_REF,
    "calendar": CALENDAR_REF,
    "next_threshold": {"action": "raise", "due_at": RESPOND_BY},
    "contact": CONTACT_FACTS,
    "escalation_id": None,
}
