"""What we write into Zendesk comes back to intake as webhooks: it must change nothing there."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import orjson
import pytest

from common.core.clock import TimeSource
from common.core.sealed_secrets import SecretBox
from common.storage.database import Database
from intake.connection_secrets import ConnectionSecrets
from intake.main import build as build_intake
from intake.settings import Settings as IntakeSettings
from intake.store import UnitOfWork as IntakeUnitOfWork
from integration.intake.harness import ZENDESK_SECRET
from integration.intake.harness import key as intake_key
from integration.notifier.conftest import ServiceHarness
from integration.notifier.write_back_examples import (
    TICKET,
    EscalatedCase,
    all_written,
    set_up,
    writing,
)
from support.case_systems import ZENDESK_USER, Ticket, ZendeskStandIn
from support.databases import Postgres, open_database, rows
from support.service_harness import ENCRYPTION_KEY, open_client

CREATED = {
    "id": "0189c7e2-6c43-7b05-a5a2-8f0f6e0b3c11",
    "type": "zen:event-type:ticket.created",
    "detail": {
        "id": TICKET,
        "subject": "Invoice",
        "description": "Twice!",
        "priority": "NORMAL",
        "status": "OPEN",
        "requester_id": "11",
        "submitter_id": "11",
    },
    "event": {},
}


@pytest.fixture
async def intake_database(
    postgres: Postgres, database_name: str
) -> AsyncIterator[Database[IntakeUnitOfWork]]:
    unit_of_work = partial(IntakeUnitOfWork, secrets=ConnectionSecrets(SecretBox(ENCRYPTION_KEY)))
    async with open_database(postgres, database_name, "intake", unit_of_work) as database:
        yield database


@pytest.fixture
async def intake(intake_database: Database[IntakeUnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(build_intake, IntakeSettings, intake_database, intake_key) as api:
        connected = await api.put(
            "/v1/channels/zendesk/acme",
            json={"secret": ZENDESK_SECRET, "options": {"own_users": [ZENDESK_USER]}},
            headers=intake_key("admin"),
        )
        assert connected.status_code == 204
        yield api


async def post(intake: httpx.AsyncClient, body: bytes) -> dict[str, Any]:
    """Post a webhook as Zendesk does."""
    timestamp = TimeSource().utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")
    mac = hmac.new(ZENDESK_SECRET.encode(), timestamp.encode() + body, hashlib.sha256).digest()
    headers = {
        "X-Zendesk-Webhook-Signature": base64.b64encode(mac).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
        "Content-Type": "application/json",
    }
    answer = await intake.post("/v1/channels/zendesk/acme", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def test_own_writes_are_no_news_to_intake(
    harness: ServiceHarness,
    intake: httpx.AsyncClient,
    intake_database: Database[IntakeUnitOfWork],
) -> None:
    await post(intake, orjson.dumps(CREATED))
    published = "SELECT type FROM published_events ORDER BY id"
    before = await rows(intake_database, published)
    async with ZendeskStandIn() as zendesk:
        zendesk.tickets[TICKET] = Ticket()
        await set_up(harness, zendesk.url)
        case = EscalatedCase()
        async with writing(harness, zendesk.url):
            await harness.handle(case.raised(), case.acknowledged(), case.resolved())
            await all_written(harness)
        for webhook in zendesk.webhooks:
            (result,) = (await post(intake, webhook))["results"]
            assert result["repeated"] is False
    kinds = [orjson.loads(webhook)["type"].rpartition(".")[2] for webhook in zendesk.webhooks]
    assert kinds.count("comment_added") == 3
    assert kinds.count("priority_changed") == 2
    # No reply of a representative, no priority, no new contact.
    assert await rows(intake_database, published) == before
    messages = await rows(intake_database, "SELECT text FROM messages")
    assert [row.text for row in messages] == ["Twice!"]


async def test_note_of_a_colleague_is_still_taken_in(
    harness: ServiceHarness,
    intake: httpx.AsyncClient,
    intake_database: Database[IntakeUnitOfWork],
) -> None:
    del harness
    await post(intake, orjson.dumps(CREATED))
    comment = {"id": "7", "body": "> see above", "is_public": False, "author": {"id": "12"}}
    body = {
        **CREATED,
        "id": "0189c7e2-6c43-7b05-a5a2-8f0f6e0b3c12",
        "type": "zen:event-type:ticket.comment_added",
        "event": {"comment": comment},
    }
    await post(intake, orjson.dumps(body))
    messages = await rows(intake_database, "SELECT text FROM messages ORDER BY text")
    assert [row.text for row in messages] == ["> see above", "Twice!"]
