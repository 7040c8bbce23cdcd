"""Pages in Microsoft Teams, by workflows whose addresses are secrets."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from common.core.sealed_secrets import SecretBox
from integration.notifier.conftest import (
    ServiceHarness,
    acknowledged,
    key,
    open_api,
    page_also,
    paged,
)
from notifier.commands.rotate_key import rotate_secrets
from support.service_harness import ENCRYPTION_KEY
from support.teams_workflows import TeamsWorkflows, WorkflowAnswer, texts, urls
from support.waiting import until

MAIL = {"medium": "email", "address": "dana@example.com"}


@dataclass(frozen=True)
class Chats:
    harness: ServiceHarness
    workflows: TeamsWorkflows
    client: httpx.AsyncClient
    settings: Mapping[str, Any]

    async def put(self, *media: Mapping[str, Any], person: str = "dana") -> httpx.Response:
        body = {"name": person.capitalize(), "media": media}
        return await self.client.put(f"/v1/recipients/{person}", json=body, headers=key("root"))

    async def media(self) -> Any:
        return (await self.client.get("/v1/recipients/dana", headers=key("dana"))).json()["media"]


def code_of(answer: httpx.Response) -> str:
    kind: str = answer.json()["type"]
    return kind.rpartition(":")[2]


def teams(url: str, conversation: str = "personal") -> dict[str, Any]:
    return {"medium": "teams", "url": url, "conversation": conversation}


@pytest.fixture
async def chats(harness: ServiceHarness) -> AsyncIterator[Chats]:
    async with TeamsWorkflows() as workflows:
        settings = {"teams_services": (workflows.url,), "encryption_keys": ENCRYPTION_KEY}
        async with open_api(harness, **settings) as client:
            yield Chats(harness, workflows, client, settings)


async def test_link_in_teams_acknowledges_and_another_card_says_so(chats: Chats) -> None:
    assert (await chats.put(teams(chats.workflows.make_workflow("dana")))).is_success
    shown = chats.workflows.shown["dana"]
    page = paged("dana")
    async with chats.harness.delivering(**chats.settings):
        await chats.harness.handle(page)
        await chats.harness.handle(page_also(page, "dana", reason="repeated"))
        await until(lambda: len(shown) == 2)
        path = urls(shown[0])["Acknowledge"].removeprefix("http://notifier")
        assert (await chats.client.post(path)).is_success
        await chats.harness.handle(acknowledged(page, "dana"))
        await until(lambda: len(shown) > 2)
        await until(chats.harness.states, lambda states: all(each[2] == "sent" for each in states))
    # One for both messages.
    assert [texts(card)[0] for card in shown[2:]] == ["Acknowledged by Dana"]
    events = [event["event"] for event in await chats.harness.published()]
    assert events.count("notification_acted_on") == 1


async def test_address_is_never_shown_and_never_stored_in_clear(chats: Chats) -> None:
    url = chats.workflows.make_workflow("dana")
    put = await chats.put(teams(url), MAIL)
    assert put.json()["media"][0] == {
        "medium": "teams",
        "url": None,
        "conversation": "personal",
        "service": "127.0.0.1",
    }
    # What was shown can be put again, and the address stays.
    shown = await chats.media()
    assert (await chats.put(*shown)).is_success
    assert (await chats.put(teams(url), MAIL)).is_success
    changes = await chats.client.get("/v1/recipients/dana/changes", headers=key("dana"))
    assert len(changes.json()["items"]) == 1
    assert (await chats.put(MAIL)).is_success
    async with chats.harness.delivering(**chats.settings):
        await until(lambda: chats.workflows.shown["dana"])
    assert texts(chats.workflows.shown["dana"][0])[0] == "Upstairs no longer writes to this address"
    signature = url.rpartition("=")[2]
    for table in ("recipients", "recipient_changes", "notifications", "published_events"):
        rows = await chats.harness.rows(f"SELECT CAST({table} AS text) AS row FROM {table}")
        assert [row.row for row in rows if signature in row.row] == []
    history = await chats.harness.rows("SELECT CAST(before AS text) AS row FROM recipient_changes")
    assert [row.row for row in history if row.row and '"url"' in row.row] == []


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [
        ({"medium": "teams"}, 422, "address-incomplete"),
        (teams("https://169.254.169.254/latest"), 422, "contact-method-not-allowed"),
        (teams("https://logic.azure.com.evil.example/x"), 422, "contact-method-not-allowed"),
        (teams("ftp://x"), 422, "invalid"),
    ],
)
async def test_address_that_may_not_be_called_is_refused(
    chats: Chats, address: dict[str, Any], status: int, code: str
) -> None:
    answer = await chats.put(address)
    assert (answer.status_code, code_of(answer)) == (status, code)


async def test_without_encryption_keys_nobody_sets_an_address_of_teams(chats: Chats) -> None:
    settings = {**chats.settings, "encryption_keys": ""}
    async with open_api(chats.harness, **settings) as client:
        body = {"name": "Dana", "media": [teams(chats.workflows.make_workflow("dana"))]}
        answer = await client.put("/v1/recipients/dana", json=body, headers=key("root"))
    assert (answer.status_code, code_of(answer)) == (
        409,
        "secret-addresses-off",
    )


async def test_page_fails_at_once_if_the_workflow_is_gone(chats: Chats) -> None:
    await chats.put(teams(chats.workflows.make_workflow("dana")))
    chats.workflows.answers["dana"] = WorkflowAnswer(404, '{"error":{"code":"WorkflowNotFound"}}')
    async with chats.harness.delivering(**chats.settings):
        await chats.harness.handle(paged("dana"))
        await until(chats.harness.states, lambda states: states[0][2] == "failed")
    failed = (await chats.harness.published())[-1]
    assert (failed["event"], failed["reason"]) == (
        "notification_failed",
        "Teams answered 404: WorkflowNotFound",
    )


async def test_new_key_encrypts_addresses_also_of_messages_that_were_sent(chats: Chats) -> None:
    await chats.put(teams(chats.workflows.make_workflow("dana")))
    shown, page = chats.workflows.shown["dana"], paged("dana")
    async with chats.harness.delivering(**chats.settings):
        await chats.harness.handle(page)
        await until(chats.harness.states, lambda states: states[0][2] == "sent")
    new_key = Fernet.generate_key().decode()
    rotation = await rotate_secrets(chats.harness.database, SecretBox(new_key, ENCRYPTION_KEY))
    assert (rotation.secrets, rotation.unreadable) == (2, [])
    async with chats.harness.delivering(**{**chats.settings, "encryption_keys": new_key}):
        await chats.harness.handle(acknowledged(page, "dana"))
        await until(lambda: len(shown) == 2)


async def test_change_of_state_is_not_told_at_an_address_that_is_used_no_longer(
    chats: Chats,
) -> None:
    before, now = (chats.workflows.make_workflow(name) for name in ("before", "now"))
    shown, page = chats.workflows.shown, paged("dana")
    await chats.put(teams(before))
    async with chats.harness.delivering(**chats.settings):
        await chats.harness.handle(page)
        await until(lambda: len(shown["before"]) == 1)
        await until(chats.harness.states, lambda states: states[0][2] == "sent")
        assert (await chats.put(teams(now))).is_success
        await chats.harness.handle(acknowledged(page, "dana"))
        await until(lambda: [texts(card)[0] for card in shown["now"]] == ["Acknowledged by Dana"])
        # The last thing that the earlier one got: that it is used no longer.
        await until(lambda: len(shown["before"]) == 2)
        assert texts(shown["before"][1])[0] == "Upstairs no longer writes to this address"
        assert (await chats.put(MAIL)).is_success
        await chats.harness.handle(page_also(page, "dana", reason="climbed"))
        await chats.harness.handle(acknowledged(page, "dana"))
        await until(chats.harness.states, lambda states: "sending" not in str(states))
    assert len(shown["before"]) == 2
    assert "Acknowledged" not in str([texts(card)[0] for card in shown["now"][1:]])


async def test_card_is_written_by_the_template_that_is_set(chats: Chats) -> None:
    await chats.put(teams(chats.workflows.make_workflow("dana")))
    template = {
        "title": "{{ topic }} is late",
        "body": "{{ why_now }}\n\n[x](http://x) {{ reason }}",
    }
    put = await chats.client.put(
        "/v1/templates/teams/raised/en", json=template, headers=key("mona")
    )
    assert put.is_success, put.text
    shown = chats.workflows.shown["dana"]

    async def is_written_so() -> bool:
        await chats.harness.handle(paged("dana"))
        return any(texts(card)[0] == "billing is late" for card in shown)

    # A process reads templates some moments later.
    async with chats.harness.delivering(**chats.settings):
        await until(is_written_so)
    card = next(card for card in shown if texts(card)[0] == "billing is late")
    assert texts(card)[1:] == ["You are asked first.", "[x](http://x) raised"]
    assert [*urls(card)] == ["Acknowledge", "Take over"]
