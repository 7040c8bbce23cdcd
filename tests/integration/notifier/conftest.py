import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from common.clock import Clock
from common.contracts.escalations import EscalationAcknowledged, PageRequested
from common.contracts.event import ContactId, EscalationId, Event, PageId, PersonId
from common.database import Database
from common.deadletters import DeadLetter
from common.dispatcher import Dispatcher, Message
from common.health import Health
from common.ids import EventId, new_id
from common.metrics import Metrics
from common.service import application
from devstack.receivers import MailReceiver, Posted, SlackReceiver
from notifier import handlers
from notifier.domain.recipients import Address, EmailAddress, Recipient, SlackAddress
from notifier.main import parts
from notifier.settings import Settings
from notifier.store import UnitOfWork
from support.databases import Postgres, opened, rows

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
KEYS = {
    "rita": "representative:rita:rita-key",
    "sara": "supervisor:sara:sara-key",
    "root": "admin:root:root-key",
}
LEASE = timedelta(seconds=10)


@dataclass(frozen=True)
class Desk:
    """The service without Kafka: events go in at the dispatcher, couriers run when asked."""

    database: Database[UnitOfWork]
    dispatcher: Dispatcher[UnitOfWork]
    slack: SlackReceiver
    mail: MailReceiver

    def settings(self, **changes: Any) -> Settings:
        return Settings.model_validate(
            {
                "database_url": "postgresql+asyncpg://unused@localhost/unused",
                "kafka_bootstrap": "unused",
                "api_keys": ",".join(KEYS.values()),
                "public_url": "http://notifier",
                "link_secret": "a secret of tests",
                "slack_api_url": self.slack.url,
                "slack_token": "xoxb-test",
                "slack_signing_secret": SIGNING_SECRET,
                "smtp_host": self.mail.host,
                "smtp_port": self.mail.port,
                "smtp_tls": "none",
                **changes,
            }
        )

    @asynccontextmanager
    async def couriers(self, **changes: Any) -> AsyncIterator[None]:
        """Deliver what is due while the block runs; on leaving it, stop as the service does."""
        workers = parts(self.settings(**changes)).workers(self.database, Metrics(), Health())
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for worker in workers:
                group.create_task(worker.run(stopping))
            try:
                yield
            finally:
                stopping.set()

    async def tell(self, *events: Event) -> None:
        """Have these events handled as one batch."""
        await self.dispatcher.handle(
            [Message(body=one, letter=_letter, event_id=EventId(new_id())) for one in events]
        )

    def advance(self, by: timedelta) -> None:
        self.database.clock.ahead += by

    async def know(self, name: str, *media: str) -> None:
        """Let there be a recipient with these media, or with both."""
        addresses: dict[str, Address] = {
            "slack": SlackAddress(f"D-{name}", f"U-{name}"),
            "email": EmailAddress(f"{name}@example.com"),
        }
        chosen = tuple(addresses[one] for one in media or addresses)
        async with self.database.transaction() as uow:
            await uow.recipients.save(Recipient(PersonId(name), name.capitalize(), chosen))

    async def rows(self, statement: str) -> list[Any]:
        return await rows(self.database, statement)

    async def states(self) -> list[tuple[str, str, str]]:
        found = await self.rows(
            "SELECT kind, medium, state FROM notifications ORDER BY notification_id"
        )
        return [tuple(one) for one in found]

    async def published(self) -> list[dict[str, Any]]:
        """Return what went to the outbox, with the event's name as `event`."""
        found = await self.rows("SELECT type, data FROM outbox ORDER BY id")
        return [{"event": one.type.split(".")[1], **one.data} for one in found]

    async def attempts(self) -> list[tuple[int, str]]:
        found = await self.rows(
            "SELECT attempt, outcome FROM delivery_attempts ORDER BY notification_id, attempt"
        )
        return [tuple(one) for one in found]

    def posted(self, method: str = "chat.postMessage") -> list[Posted]:
        return [one for one in self.slack.requests if one.method == method]


def paged(who: str = "dana", **changes: Any) -> PageRequested:
    now = Clock().wall()
    return PageRequested.model_validate(
        {
            "contact_id": new_id(),
            "occurred_at": now,
            "page_id": PageId(new_id()),
            "person_id": who,
            "reason": "raised",
            "headline": "Billing chat from Ada: first response 2 min overdue",
            "why": "No reply within 10 min (policy gold v3). Representative: rui.",
            "escalation_id": new_id(),
            "severity": "high",
            "level_name": "supervisor",
            "respond_by": now + timedelta(minutes=10),
            **changes,
        }
    )


def of_same(event: PageRequested, who: str, **changes: Any) -> PageRequested:
    """Page somebody else about the same escalation."""
    return paged(who, contact_id=event.contact_id, escalation_id=event.escalation_id, **changes)


def acknowledged(event: PageRequested, by: str) -> EscalationAcknowledged:
    return EscalationAcknowledged(
        contact_id=ContactId(event.contact_id),
        occurred_at=Clock().wall(),
        escalation_id=EscalationId(event.escalation_id or ""),
        by=PersonId(by),
        lease_expires_at=Clock().wall() + timedelta(minutes=15),
    )


def token_of(post: Posted) -> str:
    token: str = button(post.body["blocks"], "acknowledge")["value"]
    return token


def button(blocks: Sequence[dict[str, Any]], action_id: str) -> dict[str, Any]:
    elements = [one for block in blocks if block["type"] == "actions" for one in block["elements"]]
    return next(one for one in elements if one["action_id"] == action_id)


def pressed(user: str, token: str, **payload: Any) -> bytes:
    """Write the body that Slack sends when a button is pressed."""
    action = {"action_id": "acknowledge", "block_id": "b", "value": token, "action_ts": "1.0"}
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
    timestamp = str(int((Clock().wall() - age).timestamp()))
    base = b":".join((b"v0", timestamp.encode(), body))
    mac = hmac.new((secret or SIGNING_SECRET).encode(), base, hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={mac}",
        "Content-Type": "application/x-www-form-urlencoded",
    }


def _letter(error: BaseException) -> DeadLetter:
    raise AssertionError("a message of a test must not be buried") from error


@pytest.fixture
async def database(postgres: Postgres, database_name: str) -> AsyncIterator[Database[UnitOfWork]]:
    # Couriers wait for what is due: time must pass by itself.
    async with opened(postgres, database_name, "notifier", UnitOfWork, Clock()) as database:
        yield database


@pytest.fixture
async def desk(database: Database[UnitOfWork]) -> AsyncIterator[Desk]:
    dispatcher = Dispatcher(database, handlers.SUBSCRIPTIONS, Metrics(), consumer="notifier")
    async with SlackReceiver() as slack, MailReceiver() as mail:
        yield Desk(database, dispatcher, slack, mail)


@pytest.fixture
async def api(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Notifier's HTTP API, called without a key."""
    settings = desk.settings()
    app = application(parts(settings), settings, desk.database, Metrics(), Health())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://notifier") as client:
        yield client


def key(caller: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[caller].rpartition(':')[2]}"}
