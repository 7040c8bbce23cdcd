"""Requests and readings that the intake's tests share."""

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Any

import httpx
import orjson

from common.clock import Clock
from common.database import Database
from intake.store import UnitOfWork
from integration.intake.conftest import SECRET
from support.databases import rows

CONTACT = {
    "channel": "chat",
    "customer": {"customer_id": "c-81", "name": "Ada Lovelace", "tier": "premium"},
    "subject": "Charged twice in March",
    "topic": "billing",
    "language": "en",
    "priority": "high",
    "text": "I see the same invoice twice.",
}


async def accepted(api: httpx.AsyncClient, **changes: Any) -> str:
    response = await api.post("/v1/contacts", json={**CONTACT, **changes})
    assert response.status_code == 201, response.text
    contact_id: str = response.json()["contact_id"]
    return contact_id


async def published(database: Database[UnitOfWork]) -> list[str]:
    found = await rows(database, "SELECT type FROM outbox ORDER BY id")
    return [row.type.removeprefix("upstairs.").removesuffix(".v1") for row in found]


async def nothing_happened(database: Database[UnitOfWork]) -> bool:
    (row,) = await rows(
        database,
        """SELECT (SELECT count(*) FROM contacts) + (SELECT count(*) FROM messages)
                + (SELECT count(*) FROM outbox) + (SELECT count(*) FROM accepted) AS written""",
    )
    return bool(row.written == 0)


TICKET = {"id": 5158, "subject": "Invoice", "description": "Twice!", "tags": ["invoice", "es"]}


def signed(body: bytes, *, age: timedelta = timedelta(0), secret: str = SECRET) -> dict[str, str]:
    timestamp = (Clock().wall() - age).isoformat()
    mac = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256)
    return {
        "X-Zendesk-Webhook-Signature": base64.b64encode(mac.digest()).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
    }


def told(kind: str = "ticket.created", delivery: str = "d-1", **event: Any) -> bytes:
    return orjson.dumps(
        {"id": delivery, "type": f"zen:event-type:{kind}", "detail": TICKET, "event": event}
    )


async def deliver(webhook: httpx.AsyncClient, body: bytes, **how: Any) -> httpx.Response:
    return await webhook.post(
        "/v1/channels/zendesk/acme", content=body, headers=signed(body, **how)
    )
