"""A channel with a status webhook, as the tests of notifier use it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import msgspec

from common.contracts.statuses import ContactStatus, ContactStatusChanged
from common.core.clock import TimeSource
from common.core.health import Health
from common.core.ids import EventId, new_id
from common.core.metrics import Metrics
from common.messaging.dispatcher import Message
from common.storage.dead_letters import DeadLetter
from integration.notifier.conftest import ServiceHarness, key
from notifier.channels.status_calls import StatusCaller
from notifier.domain.status_webhooks import StatusPolicy
from notifier.metrics import StatusMetrics
from notifier.workers.status_delivery import StatusDeliveryWorker
from support.service_harness import ENCRYPTION_KEY
from support.status_receiver import StatusReceiver

SHOP = "/v1/status-webhooks/channel:shop"

SETTINGS: Mapping[str, Any] = {
    "encryption_keys": ENCRYPTION_KEY,
    "status_webhook_trusted_hosts": ("127.0.0.1",),
}
# Tries again at once.
IMPATIENT = StatusPolicy(
    first_delay=timedelta(milliseconds=20),
    longest_delay=timedelta(milliseconds=50),
    longest_pause=timedelta(milliseconds=50),
)


@dataclass(frozen=True)
class Shop:
    """The channel `shop`: what it sets, what intake tells of its contacts, and what it gets."""

    harness: ServiceHarness
    receiver: StatusReceiver
    client: httpx.AsyncClient

    async def call(
        self, method: str, path: str = SHOP, caller: str = "shop", **content: Any
    ) -> httpx.Response:
        headers = {**key(caller), **content.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **content)

    async def put(self, **changes: Any) -> httpx.Response:
        answer = await self.call("PUT", json={"url": self.receiver.url, **changes})
        if answer.is_success and (secret := answer.json()["secret"]):
            self.receiver.secrets.append(secret)
        return answer

    async def tell(
        self,
        *statuses: ContactStatus,
        contact_id: str = "",
        sequence: int = 1,
        source: str = "channel:shop",
        **changes: Any,
    ) -> str:
        """Publish these statuses of a contact as intake does; return the contact's id."""
        contact_id = contact_id or new_id()
        await self.harness.dispatcher.handle(
            [
                Message(
                    body=status_changed(contact_id, status, source, **changes),
                    to_dead_letter=_letter,
                    event_id=EventId(new_id()),
                    sequence=sequence + number,
                )
                for number, status in enumerate(statuses)
            ]
        )
        return contact_id

    @asynccontextmanager
    async def sending(self, policy: StatusPolicy) -> AsyncIterator[None]:
        """Send statuses while the block runs, by a replica that looks for due ones all the time."""
        worker = StatusDeliveryWorker(
            StatusCaller.from_settings(self.harness.settings(**SETTINGS)),
            self.harness.database,
            policy,
            StatusMetrics(Metrics()),
            Health(),
            max_poll_s=0.02,
        )
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run(stopping))
            try:
                yield
            finally:
                stopping.set()

    def advance(self, by: timedelta) -> None:
        self.receiver.ignores_time = True
        self.harness.advance(by)

    async def deliveries(self, **query: str) -> list[dict[str, Any]]:
        answer = await self.call("GET", f"{SHOP}/deliveries", params=query)
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def count(self, state: str) -> int:
        return len(await self.deliveries(state=state, limit="200"))


def status_changed(
    contact_id: str, status: ContactStatus, source: str, **changes: Any
) -> ContactStatusChanged:
    return msgspec.convert(
        {
            "contact_id": contact_id,
            "occurred_at": TimeSource().utc_now(),
            "change_id": new_id(),
            "source": source,
            "external_ref": "chat-7",
            "status": status,
            **changes,
        },
        ContactStatusChanged,
    )


def _letter(error: BaseException) -> DeadLetter:
    raise AssertionError("a status of a test must not become a dead letter") from error
