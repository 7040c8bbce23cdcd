"""Calls of status webhooks over connections that receivers keep, or close when they like."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from common.contracts.event import SystemName
from common.core.clock import TimeSource
from common.core.sealed_secrets import SecretBox
from notifier.channels.receiver_guard import ReceiverGuard
from notifier.channels.status_calls import StatusCaller, make_secret
from notifier.domain.status_webhooks import CallResult, StatusWebhook, WebhookSecret
from support.service_harness import ENCRYPTION_KEY

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
Answer = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


class Receiver:
    """Answers each message of each connection by `answer`; keeps what it read on each."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.connections: list[list[str]] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ids: list[str] = []
        self.connections.append(ids)
        self.writers.append(writer)
        while not writer.is_closing():
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            except asyncio.IncompleteReadError:
                break
            fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
            await reader.readexactly(int(fields["content-length"]))
            ids.append(fields["webhook-id"])
            await self._answer(writer, len(ids))
        writer.close()


async def _keep(writer: asyncio.StreamWriter, _number: int) -> None:
    writer.write(_ANSWER)


async def _close_before_second_answer(writer: asyncio.StreamWriter, number: int) -> None:
    if number > 1:
        writer.close()
    else:
        writer.write(_ANSWER)


async def _close(writer: asyncio.StreamWriter, _number: int) -> None:
    writer.close()


@asynccontextmanager
async def _calls(
    answer: Answer,
) -> AsyncIterator[tuple[Receiver, Callable[[str], Awaitable[CallResult]]]]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    box = SecretBox(ENCRYPTION_KEY)
    caller = StatusCaller(box, ReceiverGuard(["127.0.0.1"]), 5)
    now = TimeSource().utc_now()
    webhook = StatusWebhook(
        source=SystemName("channel:shop"),
        url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/",
        statuses=(),
        secrets=(WebhookSecret(box.seal(make_secret())),),
        state="active",
        disabled_reason=None,
        version=1,
        changed_at=now,
        changed_by="mona",
    )

    async def call(message_id: str) -> CallResult:
        return await caller.call(webhook, message_id, b"{}", now)

    async with server:
        try:
            yield receiver, call
        finally:
            await caller.close()
            for writer in receiver.writers:
                writer.transport.abort()


async def test_calls_that_follow_at_once_share_a_connection() -> None:
    async with _calls(_keep) as (receiver, call):
        answers = [(await call(name)).answer for name in ("one", "two")]
    assert answers == [204, 204]
    assert receiver.connections == [["one", "two"]]


async def test_message_is_sent_again_if_receiver_closes_connection_that_it_had_kept() -> None:
    async with _calls(_close_before_second_answer) as (receiver, call):
        answers = [(await call(name)).answer for name in ("one", "two")]
    assert answers == [204, 204]
    assert receiver.connections == [["one", "two"], ["two"]]


@pytest.mark.parametrize("count", [1, 2])
async def test_receiver_that_closes_new_connection_is_called_once(count: int) -> None:
    async with _calls(_close) as (receiver, call):
        results = [await call(str(number)) for number in range(count)]
    assert [result.answer for result in results] == [None] * count
    assert "closed the connection" in results[0].detail
    assert receiver.connections == [[str(number)] for number in range(count)]
