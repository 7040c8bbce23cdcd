"""Pages by apprise: a Telegram chat is told; its address is a secret."""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from apprise.plugins.telegram import NotifyTelegram

from integration.notifier.conftest import ServiceHarness, key, open_api, paged
from support.service_harness import ENCRYPTION_KEY
from support.telegram_bots import CHAT_URL, TelegramBots, TelegramError
from support.waiting import until

SETTINGS: dict[str, Any] = {"encryption_keys": ENCRYPTION_KEY}


@dataclass(frozen=True)
class Chats:
    harness: ServiceHarness
    bots: TelegramBots
    client: httpx.AsyncClient

    async def put(self, *media: Mapping[str, Any]) -> httpx.Response:
        return await self.client.put(
            "/v1/recipients/dana", json={"name": "Dana", "media": media}, headers=key("dana")
        )

    async def attempts(self) -> list[tuple[str, str]]:
        rows = await self.harness.rows(
            "SELECT outcome, detail FROM delivery_attempts ORDER BY attempt"
        )
        return [(row.outcome, row.detail) for row in rows]


@pytest.fixture
async def chats(harness: ServiceHarness, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Chats]:
    async with TelegramBots() as bots, open_api(harness, **SETTINGS) as client:
        monkeypatch.setattr(NotifyTelegram, "notify_url", bots.url)
        yield Chats(harness, bots, client)


async def test_chat_is_told_and_its_address_is_shown_and_logged_nowhere(
    chats: Chats, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    put = await chats.put({"medium": "apprise", "url": CHAT_URL})
    assert put.json()["media"] == [{"medium": "apprise", "url": None, "service": "tgram"}]
    assert (await chats.put(*put.json()["media"])).is_success
    chats.bots.errors.append(TelegramError(429, "Too Many Requests: retry after 1"))
    async with chats.harness.delivering(**SETTINGS):
        await chats.harness.handle(paged("dana"))
        await until(chats.attempts)
        chats.harness.advance(timedelta(seconds=2))
        await until(chats.harness.states, lambda states: states[0][2] == "sent")
    (message,) = chats.bots.messages
    assert message["chat_id"] == 12345
    assert "Billing chat from a customer: first response 2 h overdue" in message["text"]
    assert "http://notifier/v1/acknowledgements/" in message["text"]
    assert await chats.attempts() == [("retry", "the service answered 429"), ("sent", "")]
    for table in ("recipients", "recipient_changes", "notifications", "delivery_attempts"):
        rows = await chats.harness.rows(f"SELECT CAST({table} AS text) AS row FROM {table}")
        assert [row.row for row in rows if "ABCdef" in row.row] == []
    ours = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    assert [line for line in ours if "ABCdef" in line] == []


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TelegramError(403, "Forbidden: bot was blocked by the user"), "the service answered 403"),
        (TelegramError(400, "Bad Request: chat not found"), "the service answered 400"),
    ],
)
async def test_page_fails_at_once_if_the_chat_is_gone(
    chats: Chats, error: TelegramError, outcome: str
) -> None:
    await chats.put({"medium": "apprise", "url": CHAT_URL})
    chats.bots.errors.append(error)
    async with chats.harness.delivering(**SETTINGS):
        await chats.harness.handle(paged("dana"))
        await until(chats.harness.states, lambda states: states[0][2] == "failed")
    assert await chats.attempts() == [("failed", outcome)]


@pytest.mark.parametrize(
    "url",
    ["json://127.0.0.1:1/x", "ntfy://10.0.0.1/topic", f"{CHAT_URL}?template=file:///etc/passwd"],
)
async def test_address_of_another_service_is_refused(chats: Chats, url: str) -> None:
    answer = await chats.put({"medium": "apprise", "url": url})
    assert (answer.status_code, answer.json()["type"]) == (
        422,
        "urn:upstairs:problem:contact-method-not-allowed",
    )
