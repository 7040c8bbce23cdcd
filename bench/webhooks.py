"""How fast statuses reach the webhook of a channel: one notifier, one receiver on this machine."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

import devstack
from bench.notifier_testbed import SIGNED_TOGETHER, TIMEOUT_S, open_notifier
from bench.service_testbed import ServiceTestbed
from bench.summary import Figures
from bench.topics import LostEventError
from bench.waiting import wait_until
from common.contracts.statuses import ContactStatusChanged
from common.core.clock import TimeSource, monotonic
from common.core.ids import new_id
from devstack.processes import LOOPBACK

SOURCE = "channel:shop"
# A receiver that can take a thousand a second admits more calls at a time than the default.
SLOTS = {"UPSTAIRS_STATUS_WEBHOOK_SLOTS": "16"}
WARM_UP = 50
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Receiver(asyncio.Protocol):
    """Answers each request with 204; it costs so little that the notifier is what is measured."""

    def __init__(self, ids: list[bytes]) -> None:
        self._ids = ids
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._read) < whole:
                return
            self._ids.append(head.lower().partition(b"webhook-id: ")[2][:36])
            self._read = self._read[whole:]
            self._transport.write(_NO_CONTENT)


async def figures(stack: devstack.Stack, statuses: int) -> Figures:
    async with open_notifier(stack, SLOTS) as testbed, _open_receiver() as (port, ids):
        body = {"url": f"http://{LOOPBACK}:{port}/", "statuses": ["resolved"]}
        await testbed.actors.call("ops", "notifier", "PUT", f"/status-webhooks/{SOURCE}", body)
        await _send(testbed, WARM_UP, ids)
        before = testbed.process.cpu_seconds()
        seconds = await _send(testbed, statuses, ids)
        used = testbed.process.cpu_seconds() - before
    return {
        "webhook_deliveries_per_s": statuses / seconds,
        "webhook_deliveries_per_cpu_second": statuses / used,
    }


async def _send(testbed: ServiceTestbed, count: int, ids: list[bytes]) -> float:
    """Return how long it takes until the receiver has the statuses of so many contacts."""
    ids.clear()
    events = [_status() for _ in range(count)]
    begun = monotonic()
    await testbed.publish(events, signed_together=SIGNED_TOGETHER)
    await wait_until(lambda: len(ids) >= count, TIMEOUT_S)
    seconds = monotonic() - begun
    if {each.change_id.encode() for each in events} != set(ids) or len(ids) > count:
        raise LostEventError("the receiver has not got each status once")
    return seconds


@asynccontextmanager
async def _open_receiver() -> AsyncIterator[tuple[int, list[bytes]]]:
    ids: list[bytes] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Receiver(ids), LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], ids


def _status() -> ContactStatusChanged:
    fields = {
        "contact_id": new_id(),
        "occurred_at": TimeSource().utc_now(),
        "change_id": new_id(),
        "source": SOURCE,
        "external_ref": "chat-7",
        "status": "resolved",
    }
    return msgspec.convert(fields, ContactStatusChanged)
