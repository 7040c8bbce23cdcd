"""A connection by which something is expected is told when it is silent, and when it is not."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from common.core.metrics import Metrics
from common.storage.database import Database
from intake.connections.activity import ActivityWriter, NoticedActivity
from intake.domain.silence import Listener
from intake.handlers import SUBSCRIPTIONS
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from integration.intake.harness import (
    ZENDESK_SECRET,
    key,
    published,
    published_data,
    zendesk_body,
    zendesk_headers,
)
from support.databases import rows
from support.service_harness import ServiceHarness, make_dispatcher, open_client

ACME = "/v1/channels/zendesk/acme"
MINUTE = 60


class Replica:
    """A process of intake: its API, its timers, and what it writes every few seconds."""

    def __init__(self, api: httpx.AsyncClient, database: Database[UnitOfWork]) -> None:
        self.api = api
        self.database = database
        self.metrics = Metrics()
        self.service = ServiceHarness(database, make_dispatcher(database, SUBSCRIPTIONS))
        self.noticed = NoticedActivity()
        self.writer = self.make_writer("webhooks", "workers")

    def make_writer(self, *listeners: Listener) -> ActivityWriter:
        return ActivityWriter(self.noticed, self.database, self.metrics, listeners)

    async def put(self, **changes: Any) -> None:
        body = {"secret": ZENDESK_SECRET, "expected": {"every_minutes": 30}, **changes}
        answer = await self.api.put(ACME, json=body, headers=key("admin"))
        assert answer.status_code == 204, answer.text

    async def deliver(self, number: int) -> None:
        body = zendesk_body(delivery=f"d-{number}", ticket={"id": number})
        now = self.database.clock.utc_now()
        self.noticed.note_delivery("zendesk", "acme", now)
        offset = -self.database.clock.offset
        headers = zendesk_headers(body, age=offset)
        answer = await self.api.post(ACME, content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        await self.writer.write()

    async def listen(self, minutes: int) -> None:
        """Let time pass while webhooks are answered."""
        for _ in range(minutes):
            await self.service.advance_time(MINUTE)
            await self.writer.keep_listening()

    async def reports(self) -> list[str]:
        return [kind for kind in await published(self.database) if kind.startswith("connection")]


@pytest.fixture
async def replica(database: Database[UnitOfWork]) -> AsyncIterator[Replica]:
    async with open_client(build, Settings, database, key) as api:
        replica = Replica(api, database)
        await replica.writer.keep_listening()
        yield replica


async def test_silence_is_told_once_and_its_end_too(replica: Replica) -> None:
    await replica.put()
    await replica.deliver(1)
    await replica.listen(20)
    await replica.deliver(2)
    await replica.listen(25)
    assert await replica.reports() == []
    await replica.listen(100)
    assert await replica.reports() == ["connection_silent"]
    await replica.writer.keep_listening()
    silent = replica.metrics.registry.get_sample_value("upstairs_silent_connections")
    assert silent == 1
    shown = (await replica.api.get(ACME, headers=key("admin"))).json()
    assert shown["silent_since"] == shown["last_delivery_at"]
    await replica.deliver(3)
    assert await replica.reports() == ["connection_silent", "connection_heard_again"]
    (silent_event,) = await published_data(replica.database, "connection_silent")
    (heard,) = await published_data(replica.database, "connection_heard_again")
    assert (silent_event["system"], silent_event["expected_every_minutes"]) == ("zendesk:acme", 30)
    assert heard["silent_since"] == silent_event["silent_since"]
    assert heard["heard_at"] > heard["silent_since"]
    await replica.listen(40)
    assert len(await replica.reports()) == 3


async def test_connection_that_was_never_heard_is_silent_too(replica: Replica) -> None:
    await replica.put()
    await replica.listen(29)
    assert await replica.reports() == []
    await replica.listen(2)
    assert await replica.reports() == ["connection_silent"]


async def test_time_in_which_nobody_answered_webhooks_is_no_silence(replica: Replica) -> None:
    await replica.put()
    await replica.deliver(1)
    await replica.service.advance_time(60 * MINUTE)
    assert await replica.reports() == []
    await replica.writer.keep_listening()
    await replica.listen(25)
    assert await replica.reports() == []
    await replica.listen(40)
    assert await replica.reports() == ["connection_silent"]


async def test_restart_of_a_minute_does_not_begin_the_silence_anew(replica: Replica) -> None:
    await replica.put()
    await replica.listen(20)
    await replica.service.advance_time(MINUTE)
    await replica.writer.keep_listening()
    await replica.listen(10)
    assert await replica.reports() == ["connection_silent"]


@pytest.mark.parametrize("change", [{"state": "paused"}, {"expected": None}])
async def test_silence_is_not_told_once_nothing_is_expected(
    replica: Replica, change: dict[str, Any]
) -> None:
    await replica.put()
    await replica.put(**change)
    assert await rows(replica.database, "SELECT * FROM timers") == []
    await replica.listen(60)
    assert await replica.reports() == []


async def test_archived_connection_is_no_longer_silent(replica: Replica) -> None:
    await replica.put()
    await replica.listen(40)
    answer = await replica.api.delete(ACME, headers=key("admin"))
    assert answer.status_code == 204
    await replica.writer.keep_listening()
    silent = replica.metrics.registry.get_sample_value("upstairs_silent_connections")
    assert silent == 0
    await replica.listen(60)
    assert await replica.reports() == ["connection_silent"]


@pytest.mark.parametrize(
    ("kind", "options", "listener", "other"),
    [
        ("imap", {"host": "imap.example.com", "user": "support"}, "workers", "webhooks"),
        ("zendesk", {}, "webhooks", "workers"),
    ],
)
async def test_time_in_which_nobody_read_the_connection_is_no_silence(
    replica: Replica, kind: str, options: dict[str, Any], listener: Listener, other: Listener
) -> None:
    """Processes may answer webhooks while none reads mailboxes, and the other way round."""
    expected = {"every_minutes": 30}
    answer = await replica.api.put(
        f"/v1/channels/{kind}/acme",
        json={"secret": ZENDESK_SECRET, "options": options, "expected": expected},
        headers=key("admin"),
    )
    assert answer.status_code == 204, answer.text
    replica.metrics = Metrics()
    replica.writer = replica.make_writer(other)
    await replica.listen(60)
    assert await replica.reports() == []
    replica.metrics = Metrics()
    replica.writer = replica.make_writer(listener)
    await replica.listen(25)
    assert await replica.reports() == []
    await replica.listen(40)
    assert await replica.reports() == ["connection_silent"]


async def test_cloudevents_are_silent_only_while_both_ways_are_listened_to(
    replica: Replica,
) -> None:
    answer = await replica.api.put(
        "/v1/channels/cloudevents/acme",
        json={"secret": ZENDESK_SECRET, "expected": {"every_minutes": 30}},
        headers=key("admin"),
    )
    assert answer.status_code == 204, answer.text
    both = replica.writer
    replica.metrics = Metrics()
    replica.writer = replica.make_writer("webhooks")
    await replica.listen(60)
    assert await replica.reports() == []
    replica.writer = both
    await replica.listen(65)
    assert await replica.reports() == ["connection_silent"]


async def test_row_that_cant_be_read_holds_up_no_other_connection(replica: Replica) -> None:
    answer = await replica.api.put(
        "/v1/channels/webhook/odd",
        json={"secret": ZENDESK_SECRET, "expected": {"every_minutes": 30}},
        headers=key("admin"),
    )
    assert answer.status_code == 204, answer.text
    await replica.put()
    await replica.listen(40)
    assert await replica.reports() == ["connection_silent", "connection_silent"]
    async with replica.database.transaction() as uow:
        await uow.connection.driver.execute(
            "UPDATE channel_connections SET expected = '{}' WHERE kind = 'webhook'"
        )
    replica.noticed.note_delivery("webhook", "odd", replica.database.clock.utc_now())
    await replica.deliver(1)
    assert (await replica.reports())[2:] == ["connection_heard_again"]
    assert replica.noticed.take() == []
