"""A delivery of each kind of channel, signed as its system signs."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from common.core.clock import TimeSource
from support.twilio import sign

SECRET = "a-secret-of-a-test-7f3c"


@dataclass(frozen=True)
class Signed:
    """What proves a request: headers, and what comes behind the connection in its address.

    `body` is the body with the proof, if that is where it stands.
    """

    headers: Mapping[str, str]
    address: str = ""
    body: bytes | None = None


@dataclass(frozen=True)
class Sample:
    """`sign` takes a body, how many seconds ago it was signed, and the secret.

    `body` has the word MARK once, in a text of the customer. `covers_body`: the signature is of
    the body too, and `has_time` of a time, which is too old after `stale_after_s`.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    media_type: str
    body: bytes
    sign: Callable[[bytes, int, str], Signed]
    covers_body: bool = True
    has_time: bool = True
    stale_after_s: int = 301
    reply_type: str = "application/json"

    @property
    def path(self) -> str:
        return f"/v1/channels/{self.kind}/acme"


def by_path(_body: bytes, _age_s: int, secret: str) -> Signed:
    return Signed({}, f"/{secret}")


SALESFORCE = Sample(
    "salesforce",
    "salesforce",
    {"organization": "00D5g000004AbCdEAK"},
    "text/xml; charset=utf-8",
    b"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">
    <OrganizationId>00D5g000004AbCdEAK</OrganizationId>
    <ActionId>04k5g000000AbCdAAK</ActionId><SessionId>a-session-that-opens-doors</SessionId>
    <Notification><Id>04l5g000001AbCdAAK</Id>
      <sObject xsi:type="sf:Case" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
        <sf:Id>5005g000009AbCdAAK</sf:Id><sf:CaseNumber>00001042</sf:CaseNumber>
        <sf:ContactId>0035g00000AbCdeAAF</sf:ContactId><sf:Subject>Boiler is cold</sf:Subject>
        <sf:Description>No hot water since MARK.</sf:Description>
        <sf:Status>New</sf:Status><sf:Priority>High</sf:Priority><sf:Origin>Phone</sf:Origin>
      </sObject></Notification>
  </notifications></soapenv:Body></soapenv:Envelope>""",
    by_path,
    covers_body=False,
    has_time=False,
    reply_type="text/xml; charset=utf-8",
)


def by_query(_body: bytes, _age_s: int, secret: str) -> Signed:
    return Signed({}, f"?code={secret}")


def by_header(_body: bytes, _age_s: int, secret: str) -> Signed:
    return Signed({"X-Our-Own-Name": secret})


DYNAMICS = Sample(
    "dynamics",
    "dynamics",
    {"topic_by_tag": {"casetypecode=Question": "questions"}},
    "application/json",
    json.dumps(
        {
            "MessageName": "Create",
            "PrimaryEntityName": "incident",
            "PrimaryEntityId": "7a1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5",
            "OperationId": "d2b8f0a4-6f0e-4c1d-9b7a-0f1e2d3c4b5a",
            "OperationCreatedOn": "/Date(1795863600000+0100)/",
            "InputParameters": [
                {
                    "key": "Target",
                    "value": {
                        "__type": "Entity:http://schemas.microsoft.com/xrm/2011/Contracts",
                        "LogicalName": "incident",
                        "Attributes": [
                            {"key": "title", "value": "Boiler is cold"},
                            {"key": "description", "value": "No hot water since MARK."},
                            {"key": "prioritycode", "value": {"Value": 1}},
                            {"key": "casetypecode", "value": {"Value": 1}},
                        ],
                        "FormattedValues": [{"key": "casetypecode", "value": "Question"}],
                    },
                }
            ],
            "PostEntityImages": [],
        }
    ).encode(),
    by_query,
    covers_body=False,
    has_time=False,
)


def by_standard_webhook(body: bytes, age_s: int, secret: str) -> Signed:
    timestamp = str(int(TimeSource().utc_now().timestamp()) - age_s)
    message_id = f"msg-{hashlib.sha256(body).hexdigest()[:8]}"
    mac = hmac.new(secret.encode(), f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return Signed(
        {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(mac.digest()).decode()}",
        }
    )


CONTACT: Mapping[str, Any] = {
    "contact": {"ref": "T-7", "channel": "chat", "customer": {"id": "c-7"}, "subject": "Boiler"},
    "message": {"id": "m-1", "text": "No hot water since MARK."},
}
EVENT: Mapping[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/shop",
    "type": "upstairs.inbound.contact_received.v1",
    "data": CONTACT,
}
WEBHOOK = Sample(
    "webhook",
    "webhook",
    {},
    "application/json",
    json.dumps({"type": "contact.received", "data": CONTACT}).encode(),
    by_standard_webhook,
)
STRUCTURED = Sample(
    "structured CloudEvent",
    "cloudevents",
    {},
    "application/cloudevents+json",
    json.dumps(EVENT).encode(),
    by_standard_webhook,
)
BATCH = replace(
    STRUCTURED,
    name="batch of CloudEvents",
    media_type="application/cloudevents-batch+json",
    body=json.dumps([EVENT]).encode(),
)


def as_binary(_body: bytes, _age_s: int, secret: str) -> Signed:
    attributes = {f"ce-{name}": EVENT[name] for name in ("specversion", "id", "source", "type")}
    return Signed({**attributes, "Authorization": f"Bearer {secret}"})


BINARY = Sample(
    "binary CloudEvent",
    "cloudevents",
    {},
    "application/json",
    json.dumps(CONTACT).encode(),
    as_binary,
    covers_body=False,
    has_time=False,
)


def by_twilio(body: bytes, _age_s: int, secret: str) -> Signed:
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return Signed({"X-Twilio-Signature": sign(PUBLIC_URL, fields, secret)})


PUBLIC_URL = "https://intake.example.com/hooks/twilio"
TWILIO = Sample(
    "twilio",
    "twilio",
    {"public_url": PUBLIC_URL},
    "application/x-www-form-urlencoded",
    b"MessageSid=SM81&From=%2B491701234567&To=%2B49301234567&Body=No+hot+water+since+MARK.",
    by_twilio,
    has_time=False,
    reply_type="text/xml; charset=utf-8",
)


def by_slack(body: bytes, age_s: int, secret: str) -> Signed:
    timestamp = str(int(TimeSource().utc_now().timestamp()) - age_s)
    mac = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, "sha256")
    return Signed(
        {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={mac.hexdigest()}",
        }
    )


SLACK_MESSAGE = {
    "type": "message",
    "channel": "C0HELP",
    "user": "U0ADA",
    "text": "No hot water since MARK.",
    "ts": "1795863600.000100",
}
SLACK = Sample(
    "slack",
    "slack",
    {},
    "application/json",
    json.dumps({"type": "event_callback", "event_id": "Ev0A", "event": SLACK_MESSAGE}).encode(),
    by_slack,
)
SLACK_COMMAND = Sample(
    "slack command",
    "slack",
    {},
    "application/x-www-form-urlencoded",
    b"command=%2Fsupervisor&text=No+hot+water+since+MARK.&user_id=U0ADA&channel_id=C0HELP"
    b"&trigger_id=81.9.a7f3",
    by_slack,
)


def by_password(_body: bytes, _age_s: int, secret: str) -> Signed:
    credentials = base64.b64encode(f"sendgrid:{secret}".encode()).decode()
    return Signed({"Authorization": f"Basic {credentials}"})


def make_form(fields: Mapping[str, str]) -> bytes:
    """Return a form of parts; halves of surrogate pairs are written as three bytes."""
    parts = [
        f'--xYz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, "--xYz--\r\n"]).encode("utf-8", "surrogatepass")


SENDGRID = Sample(
    "sendgrid",
    "sendgrid",
    {"own_addresses": ["@example.com"]},
    "multipart/form-data; boundary=xYz",
    make_form(
        {
            "headers": "Message-ID: <a-1@mail.example.org>\nFrom: Ada <ada@example.org>\n",
            "from": "Ada <ada@example.org>",
            "to": "support@example.com",
            "subject": "Boiler is cold",
            "charsets": '{"text": "utf-8"}',
            "text": "No hot water since MARK.",
        }
    ),
    by_password,
    covers_body=False,
    has_time=False,
)


def by_mailgun(body: bytes, age_s: int, secret: str) -> Signed:
    """Sign a time and a token, which stand before the mail; another mail has another token."""
    timestamp = str(int(TimeSource().utc_now().timestamp()) - age_s)
    token = hashlib.sha256(body).hexdigest()
    mac = hmac.new(secret.encode(), (timestamp + token).encode(), "sha256")
    proof = {"timestamp": timestamp, "token": token, "signature": mac.hexdigest()}
    return Signed({}, body=make_form(proof).removesuffix(b"--xYz--\r\n") + body)


MAILGUN = replace(
    SENDGRID,
    name="mailgun",
    kind="mailgun",
    body=make_form(
        {
            "from": "Ada <ada@example.org>",
            "recipient": "support@example.com",
            "subject": "Boiler is cold",
            "message-headers": '[["Message-Id", "<a-1@mail.example.org>"], ["Date", "now"]]',
            "body-plain": "No hot water since MARK.",
        }
    ),
    sign=by_mailgun,
    has_time=True,
    # Mailgun repeats a post for eight hours.
    stale_after_s=9 * 3600 + 60,
)
CHANGE = Sample(
    "salesforce change",
    "salesforce",
    SALESFORCE.options,
    "application/json",
    json.dumps(
        {
            "schema": "kQ2",
            "payload": {
                "ChangeEventHeader": {
                    "entityName": "Case",
                    "recordIds": ["5005g000009AbCdAAK"],
                    "changeType": "CREATE",
                    "transactionKey": "0007a3f1-9c21",
                    "sequenceNumber": 1,
                    "commitTimestamp": 1795863600000,
                },
                "Subject": "Boiler is cold",
                "Description": "No hot water since MARK.",
            },
            "event": {"replayId": 81},
        }
    ).encode(),
    by_header,
    covers_body=False,
    has_time=False,
)


def by_zendesk(body: bytes, age_s: int, secret: str) -> Signed:
    timestamp = (TimeSource().utc_now() - timedelta(seconds=age_s)).isoformat()
    mac = hmac.new(secret.encode(), timestamp.encode() + body, "sha256")
    return Signed(
        {
            "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
            "X-Zendesk-Webhook-Signature": base64.b64encode(mac.digest()).decode(),
        }
    )


ZENDESK = Sample(
    "zendesk",
    "zendesk",
    {},
    "application/json",
    json.dumps(
        {
            "id": "01KQ3",
            "type": "zen:event-type:ticket.created",
            "time": "2026-11-22T10:00:00.123456789Z",
            "detail": {
                "id": "81",
                "subject": "Boiler is cold",
                "description": "No hot water since MARK.",
                "status": "NEW",
                "priority": "HIGH",
                "requester_id": "7001",
                "created_at": "2026-11-22T10:00:00Z",
                "updated_at": "2026-11-22T10:00:00Z",
            },
            "event": {"meta": {"sequence": {"id": "01KQ2", "position": 1}}},
        }
    ).encode(),
    by_zendesk,
)

SAMPLES = [
    ZENDESK,
    CHANGE,
    SENDGRID,
    MAILGUN,
    SLACK,
    SLACK_COMMAND,
    TWILIO,
    WEBHOOK,
    STRUCTURED,
    BATCH,
    BINARY,
    SALESFORCE,
    DYNAMICS,
    replace(DYNAMICS, name="dynamics by header", sign=by_header),
]
