"""A delivery of each kind to begin with: a customer who asks for a supervisor, where that fits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

_JSON: Final = "content-type: application/json"
_FORM: Final = "content-type: application/x-www-form-urlencoded"
_TEXT: Final = "My invoice is wrong again. I want to speak to a supervisor."


@dataclass(frozen=True, slots=True)
class Sample:
    body: str
    headers: str


_MAIL: Final = Sample(
    urlencode(
        {
            "from": "Ada Lovelace <ada@example.org>",
            "to": "support@example.com",
            "subject": "Wrong invoice",
            "Message-Id": "<sample-1@mail.example.org>",
            "text": _TEXT,
            "body-plain": _TEXT,
        }
    ),
    _FORM,
)
_CONTACT: Final = f"""{{
    "contact": {{
      "ref": "T-7", "channel": "chat", "customer": {{"id": "c-7"}}, "subject": "Wrong invoice"
    }},
    "message": {{"id": "m-1", "text": "{_TEXT}"}}
  }}"""
SAMPLES: Final[Mapping[str, Sample]] = {
    "zendesk": Sample(
        f"""{{
  "id": "sample-1",
  "type": "zen:event-type:ticket.created",
  "detail": {{
    "id": "5158", "subject": "Wrong invoice",
    "description": "{_TEXT}",
    "status": "NEW", "priority": "NORMAL", "requester_id": "81"
  }}
}}""",
        _JSON,
    ),
    "salesforce": Sample(
        f"""{{
  "payload": {{
    "ChangeEventHeader": {{
      "entityName": "Case", "recordIds": ["5005g000009AbCdAAK"], "changeType": "CREATE",
      "transactionKey": "sample-1", "sequenceNumber": 1, "commitTimestamp": 1795863600000
    }},
    "Subject": "Wrong invoice",
    "Description": "{_TEXT}"
  }},
  "event": {{"replayId": 1}}
}}""",
        _JSON,
    ),
    "dynamics": Sample(
        f"""{{
  "MessageName": "Create",
  "PrimaryEntityName": "incident",
  "PrimaryEntityId": "7a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5",
  "OperationId": "d2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a",
  "InputParameters": [{{
    "key": "Target",
    "value": {{
      "LogicalName": "incident",
      "Attributes": [
        {{"key": "title", "value": "Wrong invoice"}},
        {{"key": "description", "value": "{_TEXT}"}}
      ]
    }}
  }}],
  "PostEntityImages": []
}}""",
        _JSON,
    ),
    "twilio": Sample(
        urlencode(
            {
                "MessageSid": "SM5f3a0000000000000000000000000001",
                "From": "+12025550143",
                "To": "+12025550100",
                "Body": _TEXT,
            }
        ),
        _FORM,
    ),
    "slack": Sample(
        f"""{{
  "type": "event_callback",
  "team_id": "T0HELP",
  "event_id": "Ev0SAMPLE",
  "event_time": 1795863600,
  "event": {{
    "type": "message", "channel": "C0HELP", "user": "U0ADA", "ts": "1795863600.000100",
    "text": "{_TEXT}"
  }}
}}""",
        _JSON,
    ),
    "sendgrid": _MAIL,
    "mailgun": _MAIL,
    "imap": Sample(
        f"""From: Ada Lovelace <ada@example.org>
To: support@example.com
Subject: Wrong invoice
Message-ID: <sample-1@mail.example.org>
Content-Type: text/plain; charset=utf-8

{_TEXT}
""",
        "",
    ),
    "cloudevents": Sample(
        f"""{{
  "specversion": "1.0",
  "id": "sample-1",
  "source": "/shop",
  "type": "upstairs.inbound.contact_received.v1",
  "data": {_CONTACT}
}}""",
        "content-type: application/cloudevents+json",
    ),
    "webhook": Sample(
        f"""{{
  "type": "contact_received",
  "timestamp": "2026-11-28T10:00:00Z",
  "data": {_CONTACT}
}}""",
        f"{_JSON}\nwebhook-id: sample-1",
    ),
}
