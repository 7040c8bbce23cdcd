"""What tests of intake share: contacts, deliveries, and what was written."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import httpx
import orjson

from common.contracts.assignments import ContactAssigned
from common.contracts.event import ContactId, Event, PersonId, TeamId
from common.core.clock import TimeSource
from common.storage.database import Database
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from support.databases import rows
from support.event_data import all_fields
from support.service_harness import Keys, ServiceHarness, make_dispatcher

key = Keys(
    channel="channel:shop:channel-key",
    kiosk="channel:kiosk:kiosk-key",
    acme="channel:acme:acme-key",
    representative="representative:rita:representative-key",
    supervisor="supervisor:sara:supervisor-key",
    admin="admin:ops:admin-key",
)

CONTACT = {
    "channel": "chat",
    "customer": {"customer_id": "c-81", "name": "Ada Lovelace", "tier": "premium"},
    "subject": "Charged twice in March",
    "topic": "billing",
    "language": "en",
    "priority": "high",
    "text": "I see the same invoice twice.",
}
UNKNOWN_CONTACT = "01a200f7-13bd-749f-a0af-38154619ae68"
ZENDESK_SECRET = "a-signing-secret"
ZENDESK_TICKET = {
    "id": 5158,
    "subject": "Invoice",
    "description": "Twice!",
    "tags": ["invoice", "es"],
}


async def accept(api: httpx.AsyncClient, **changes: Any) -> str:
    """Have a contact taken in; return its id."""
    response = await api.post("/v1/contacts", json={**CONTACT, **changes})
    assert response.status_code == 201, response.text
    contact_id: str = response.json()["contact_id"]
    return contact_id


async def assign(database: Database[UnitOfWork], contact_id: str, person: str = "rita") -> None:
    """Let intake hear that the representative has the contact."""
    assigned = ContactAssigned(
        contact_id=ContactId(contact_id),
        occurred_at=database.clock.utc_now(),
        representative_id=PersonId(person),
        team_id=TeamId("madrid"),
        reason="free",
    )
    await handle(database, assigned)


async def handle(database: Database[UnitOfWork], *events: Event) -> None:
    dispatcher = make_dispatcher(database, SUBSCRIPTIONS)
    await ServiceHarness(database, dispatcher).handle_events(*events)


async def published(database: Database[UnitOfWork]) -> list[str]:
    """Return the types of all published events, in short."""
    events = await rows(database, "SELECT type FROM published_events ORDER BY id")
    return [row.type.removeprefix("upstairs.").removesuffix(".v1") for row in events]


async def published_data(database: Database[UnitOfWork], kind: str) -> list[dict[str, Any]]:
    """Return the data of the published events of one type, as `all_fields` does."""
    type_ = f"upstairs.{kind}.v1"
    events = await rows(
        database, f"SELECT data FROM published_events WHERE type = '{type_}' ORDER BY id"
    )
    return [all_fields(type_, row.data) for row in events]


async def nothing_happened(database: Database[UnitOfWork]) -> bool:
    (row,) = await rows(
        database,
        """SELECT (SELECT count(*) FROM contacts) + (SELECT count(*) FROM messages)
                + (SELECT count(*) FROM outbox)
                + (SELECT count(*) FROM idempotency_keys) AS written""",
    )
    return bool(row.written == 0)


def zendesk_headers(
    body: bytes, *, age: timedelta = timedelta(0), secret: str = ZENDESK_SECRET
) -> dict[str, str]:
    timestamp = (TimeSource().utc_now() - age).isoformat()
    mac = hmac.new(secret.encode(), timestamp.encode() + body, hashlib.sha256)
    return {
        "X-Zendesk-Webhook-Signature": base64.b64encode(mac.digest()).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
    }


def zendesk_body(
    kind: str = "ticket.created",
    delivery: str = "d-1",
    ticket: Mapping[str, Any] = MappingProxyType({}),
    **event: Any,
) -> bytes:
    """Return a delivery about the usual ticket with the changes of `ticket`."""
    return orjson.dumps(
        {
            "id": delivery,
            "type": f"zen:event-type:{kind}",
            "detail": {**ZENDESK_TICKET, **ticket},
            "event": event,
        }
    )


async def deliver(zendesk: httpx.AsyncClient, body: bytes, **how: Any) -> httpx.Response:
    """Post a signed webhook to the connection `acme`."""
    return await zendesk.post(
        "/v1/channels/zendesk/acme", content=body, headers=zendesk_headers(body, **how)
    )
