import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest

from common.contracts.escalations import EscalationAcknowledged, PageRequested
from common.contracts.event import ContactId, EscalationId, Event, PageId, PersonId
from common.contracts.notifications import Medium
from common.core.clock import TimeSource
from common.core.health import Health
from common.core.ids import EventId, new_id
from common.core.metrics import Metrics
from common.messaging.dispatcher import Dispatcher, Message
from common.service.spec import application
from common.storage.database import Database
from common.storage.dead_letters import DeadLetter
from devstack.receivers import MailReceiver, SlackCall, SlackReceiver
from notifier import handlers
from notifier.channels.base import Channel
from notifier.channels.registry import CHANNELS
from notifier.domain.recipients import Address, Recipient
from notifier.domain.verification import verify
from notifier.links import Links, Purpose
from notifier.main import build
from notifier.settings import Settings
from notifier.store.unit_of_work import UnitOfWork
from support.databases import Postgres, async_engine, open_database, rows
from support.documented_problems import require_documented
from support.event_data import all_fields
from support.twilio import Twilio

LINK_SECRET = "a secret of tests"
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
KEYS = {
    "rita": "representative:rita:rita-key",
    "sara": "supervisor:sara:sara-key",
    "dana": "supervisor:dana:dana-key",
    "mona": "manager:mona:mona-key",
    "omar": "manager:omar:omar-key",
    "shop": "channel:shop:shop-key",
    "operations": "manager:operations:operations-key",
    "root": "admin:root:root-key",
}
PHONES: tuple[Medium, ...] = ("sms", "voice", "whatsapp")
SLACK_CALLBACK = "/v1/callbacks/slack"
LEASE = timedelta(seconds=10)
HEADLINE = "Billing chat from “Ada”: first response 2 h overdue"
CONTACT = {
    "channel": "chat",
    "topic": "billing",
    "subject": "Wrong invoice",
    "priority": "high",
    "language": "de",
    "tier": "standard",
    "customer_name": "Ada",
    "representative_id": "rui",
}


@dataclass(frozen=True)
class ServiceHarness:
    """The service without Kafka: events go in at the dispatcher, delivery runs when asked."""

    database: Database[UnitOfWork]
    dispatcher: Dispatcher[UnitOfWork]
    slack: SlackReceiver
    mail: MailReceiver
    channels: Sequence[type[Channel]] = CHANNELS

    def settings(self, **changes: Any) -> Settings:
        return Settings.model_validate(
            {
                "database_url": "postgresql+asyncpg://unused@localhost/unused",
                "kafka_bootstrap": "unused",
                "api_keys": ",".join(KEYS.values()),
                "public_url": "http://notifier",
                "link_secret": LINK_SECRET,
                "slack_api_url": self.slack.url,
                "slack_token": "xoxb-test",
                "slack_signing_secret": SIGNING_SECRET,
                "smtp_host": self.mail.host,
                "smtp_port": self.mail.port,
                "smtp_tls": "none",
                # Most tests are about single messages; test_brake.py sets lower budgets.
                "recipient_budget": 1000,
                "customer_budget": 1000,
                "channel_budget": 1000,
                "burst_budget": 0,
                "summary_update_seconds": 0,
                **changes,
            }
        )

    @asynccontextmanager
    async def delivering(
        self, metrics: Metrics | None = None, **changes: Any
    ) -> AsyncIterator[Callable[[], None]]:
        """Deliver while the block runs; on leaving it, stop as the service does.

        The block gets a function that kills the workers in the middle of their calls.
        """
        spec = build(self.settings(**changes), self.channels)
        workers = spec.workers(self.database, metrics or Metrics(), Health())
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker.run(stopping)) for worker in workers]

            def kill() -> None:
                for task in tasks:
                    task.cancel()

            try:
                yield kill
            finally:
                stopping.set()

    async def handle(self, *events: Event) -> None:
        """Handle these events as one batch."""
        await self.dispatcher.handle(
            [
                Message(body=event, to_dead_letter=_letter, event_id=EventId(new_id()))
                for event in events
            ]
        )

    def advance(self, by: timedelta) -> None:
        self.database.clock.offset += by

    async def add_recipient(
        self, name: str, *media: Medium, number: str = "", language: str | None = None
    ) -> None:
        """Let there be a recipient with these media, or with Slack and mail.

        `number` is that of the telephone.
        """
        addresses: dict[Medium, Address] = {
            **{medium: Address(medium, {"number": number}) for medium in PHONES},
            "slack": Address("slack", {"channel": f"D-{name}", "user_id": f"U-{name}"}),
            "email": Address("email", {"address": f"{name}@example.com"}),
        }
        chosen = tuple(addresses[medium] for medium in media or ("slack", "email"))
        async with self.database.transaction() as uow:
            recipient = Recipient(PersonId(name), name.capitalize(), chosen, language=language)
            await uow.recipients.save(verify(recipient, chosen, uow.now))

    async def rows(self, statement: str) -> list[Any]:
        return await rows(self.database, statement)

    async def execute(self, statement: str) -> None:
        """Change rows as no code of this version would."""
        async with async_engine(self.database).begin() as connection:
            await connection.exec_driver_sql(statement)

    async def states(self) -> list[tuple[str, str, str]]:
        read = await self.rows(
            "SELECT kind, medium, state FROM notifications ORDER BY notification_id"
        )
        return [tuple(row) for row in read]

    async def published(self) -> list[dict[str, Any]]:
        """Return what went to the outbox, with the event's name as `event`."""
        read = await self.rows(
            "SELECT type, data FROM published_events"
            " WHERE event_id IN (SELECT unnest(event_ids) FROM outbox) ORDER BY id"
        )
        return [{"event": row.type.split(".")[1], **all_fields(row.type, row.data)} for row in read]

    async def attempts(self) -> list[tuple[int, str]]:
        read = await self.rows(
            "SELECT attempt, outcome FROM delivery_attempts ORDER BY notification_id, attempt"
        )
        return [tuple(row) for row in read]

    def posted(self, method: str = "chat.postMessage") -> list[SlackCall]:
        return [post for post in self.slack.requests if post.method == method]


def paged(person: str = "dana", **changes: Any) -> PageRequested:
    now = TimeSource().utc_now()
    return msgspec.convert(
        {
            "contact_id": new_id(),
            "occurred_at": now,
            "page_id": PageId(new_id()),
            "person_id": person,
            "reason": "raised",
            "contact": CONTACT,
            "causes": [
                {
                    "cause": "breach",
                    "reason": "No reply within 10 min (policy gold v3)",
                    "at": now,
                    "clock": "first_response",
                    "due_at": now - timedelta(hours=2),
                    "clock_state": "breached",
                }
            ],
            "escalation_id": new_id(),
            "severity": "high",
            "level_name": "supervisor",
            "respond_by": now + timedelta(minutes=10),
            **changes,
        },
        PageRequested,
    )


def page_also(event: PageRequested, person: str, **changes: Any) -> PageRequested:
    """Page a person about the same escalation."""
    return paged(person, contact_id=event.contact_id, escalation_id=event.escalation_id, **changes)


def acknowledged(event: PageRequested, by: str) -> EscalationAcknowledged:
    return EscalationAcknowledged(
        contact_id=ContactId(event.contact_id),
        occurred_at=TimeSource().utc_now(),
        escalation_id=EscalationId(event.escalation_id or ""),
        by=PersonId(by),
        lease_expires_at=TimeSource().utc_now() + timedelta(minutes=15),
    )


def token_of(post: SlackCall, action_id: str = "acknowledge") -> str:
    token: str = button(post.body["blocks"], action_id)["value"]
    return token


def link_to(post: SlackCall, purpose: Purpose = "acknowledge") -> str:
    """Return the path of a link as a mail has it, with the notification of a Slack message."""
    links = Links(LINK_SECRET, "", timedelta(hours=24))
    (actions,) = [block for block in post.body["blocks"] if block["type"] == "actions"]
    opens = next(each for each in actions["elements"] if each["action_id"] == "open")
    shown = links.read(opens["url"].rpartition("/")[2], TimeSource().utc_now())
    return links.url(shown.notification_id, purpose, shown.link_epoch)


def button(blocks: Sequence[dict[str, Any]], action_id: str) -> dict[str, Any]:
    buttons = [each for block in blocks if block["type"] == "actions" for each in block["elements"]]
    return next(each for each in buttons if each["action_id"] == action_id)


def pressed(user: str, token: str, action_id: str = "acknowledge", **payload: Any) -> bytes:
    """Write the body that Slack sends when a button is pressed."""
    action = {"action_id": action_id, "block_id": "b", "value": token, "action_ts": "1.0"}
    whole = {
        "type": "block_actions",
        "user": {"id": user, "team_id": "T1"},
        "container": {"message_ts": "1.1", "channel_id": "D1"},
        "response_url": "https://example.com/unused",
        "actions": [action],
        **payload,
    }
    return urlencode({"payload": json.dumps(whole)}).encode()


def signed(body: bytes, *, age: timedelta = timedelta(0), secret: str = "") -> dict[str, str]:
    timestamp = str(int((TimeSource().utc_now() - age).timestamp()))
    base = b":".join((b"v0", timestamp.encode(), body))
    mac = hmac.new((secret or SIGNING_SECRET).encode(), base, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={mac}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


async def send_as_slack(api: httpx.AsyncClient, body: bytes) -> httpx.Response:
    """Post a form to the callback of Slack, signed by it now."""
    return await api.post(SLACK_CALLBACK, content=body, headers=signed(body))


def _letter(error: BaseException) -> DeadLetter:
    raise AssertionError("a message of a test must not become a dead letter") from error


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    # Delivery workers wait for what is due, so time must pass by itself.
    async with open_database(
        postgres, database_name, "notifier", UnitOfWork, TimeSource()
    ) as database:
        yield database


@pytest.fixture
async def harness(database: Database[UnitOfWork]) -> AsyncIterator[ServiceHarness]:
    dispatcher = Dispatcher(database, handlers.SUBSCRIPTIONS, Metrics())
    async with SlackReceiver() as slack, MailReceiver() as mail:
        yield ServiceHarness(database, dispatcher, slack, mail)


@asynccontextmanager
async def open_api(harness: ServiceHarness, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Open notifier's HTTP API with these settings, called without a key."""
    settings = harness.settings(**changes)
    app = application(build(settings, harness.channels), settings, harness.database, Metrics())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier") as client:
        client.event_hooks["response"].append(require_documented(app))
        yield client


@pytest.fixture
async def api(harness: ServiceHarness) -> AsyncIterator[httpx.AsyncClient]:
    async with open_api(harness) as client:
        yield client


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with Twilio() as twilio:
        yield twilio


@pytest.fixture
async def phone_api(harness: ServiceHarness, twilio: Twilio) -> AsyncIterator[httpx.AsyncClient]:
    """Open the API with telephones."""
    async with open_api(harness, **twilio.settings) as client:
        yield client


def key(caller: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[caller].rpartition(':')[2]}"}
