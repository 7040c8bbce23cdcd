"""Bodies over the usual limit, where a service takes them: bounded in size, time and memory."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from common.http.limits import MAX_BODY_BYTES, BodyLimits, LargeBodyMemory
from common.http.problems import ProblemError
from support.http_probe import BODY_LIMITS, make_probe
from support.http_server import LIMITS, MEGABYTE, serve
from support.waiting import until

LARGE = replace(LIMITS, bodies=BodyLimits(BODY_LIMITS))


def head(path: str, *lines: str) -> bytes:
    all_lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: image/png", *lines]
    return "\r\n".join([*all_lines, "", ""]).encode()


def declared(path: str, size: int) -> bytes:
    return head(path, f"Content-Length: {size}")


def chunked(path: str, size: int) -> bytes:
    chunk = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
    count = size // 0xFFFF + 1
    return head(path, "Transfer-Encoding: chunked") + chunk * count + b"0\r\n\r\n"


async def test_body_of_10_mb_is_read_whole_where_it_may_be() -> None:
    async with serve(make_probe(), LARGE) as server, server.connect() as connection:
        for _ in range(10):
            size = 10 * MEGABYTE
            await connection.send(declared("/v1/hooks/mail", size) + b"x" * size)
            answer = await connection.answer()
            assert (answer.status, answer.body) == (200, b"%d" % size)


@pytest.mark.parametrize(
    ("path", "size", "status", "code"),
    [
        ("/v1/hooks/mail", 10 * MEGABYTE + 1, 503, "over-the-limit"),
        ("/v1/hooks/crm", 2 * MEGABYTE + 1, 413, "too-large"),
        ("/v1/small", MAX_BODY_BYTES + 1, 413, "too-large"),
        ("/v1/small?/v1/hooks/mail", MAX_BODY_BYTES + 1, 413, "too-large"),
        ("/v1/hooks%2Fmail", MAX_BODY_BYTES + 1, 413, "too-large"),
    ],
)
async def test_larger_body_is_refused_as_its_sender_understands(
    path: str, size: int, status: int, code: str
) -> None:
    async with serve(make_probe(), LARGE) as server:
        answer = await server.ask(declared(path, size) + b"x" * MEGABYTE)
        assert (answer.status, answer.code) == (status, code)
        assert ("retry-after" in answer.headers) is (status == 503)
        await server.assert_serves()


@pytest.mark.parametrize(
    ("path", "size", "status", "code"),
    [
        ("/v1/hooks/mail", 11 * MEGABYTE, 503, "over-the-limit"),
        ("/v1/hooks/crm", 3 * MEGABYTE, 413, "too-large"),
    ],
)
async def test_larger_body_without_a_length_is_refused(
    path: str, size: int, status: int, code: str
) -> None:
    async with serve(make_probe(), LARGE) as server:
        answer = await server.ask(chunked(path, size))
        assert (answer.status, answer.code) == (status, code)
        await server.assert_serves()


async def test_large_body_that_comes_slowly_is_ended_in_time() -> None:
    async with (
        serve(make_probe(), replace(LARGE, body_s=0.5)) as server,
        server.connect() as connection,
    ):
        await connection.send(declared("/v1/hooks/mail", 10 * MEGABYTE) + b"x" * MEGABYTE)

        async def drip() -> bool:
            await connection.send(b"x" * 1000)
            return server.refused("timeout") > 0

        await until(drip)
        assert (await connection.answer()).code == "timeout"
        assert await connection.is_closed()
        await server.assert_serves()


async def test_bodies_that_are_too_many_at_once_are_to_be_sent_again() -> None:
    """Ten clients stop in the middle of a mail: seven have filled the memory."""
    size = 10 * MEGABYTE
    async with serve(make_probe(), LARGE) as server, AsyncExitStack() as stack:
        halves = [await stack.enter_async_context(server.connect()) for _ in range(10)]
        sending = declared("/v1/hooks/mail", size) + b"x" * (size - 1)
        await asyncio.gather(*(half.send(sending) for half in halves))

        async def further() -> str:
            answer = await server.ask(declared("/v1/hooks/mail", size) + b"x" * size)
            return answer.code if answer.status == 503 else str(answer.status)

        await until(further, lambda code: code == "too-many-large-bodies")
        await server.assert_serves()
        small = await server.ask(
            head("/v1/hooks/mail", "Content-Length: 1", "Connection: close") + b"x"
        )
        assert small.status == 200
        for half in halves:
            half.writer.close()
        await until(further, lambda code: code == "200")


def test_memory_of_a_body_is_what_it_has_over_the_usual_limit() -> None:
    memory = LargeBodyMemory(1000)
    memory.grow(0, MAX_BODY_BYTES)
    assert memory.held_bytes == 0
    memory.grow(MAX_BODY_BYTES - 5, MAX_BODY_BYTES + 600)
    with pytest.raises(ProblemError):
        memory.grow(MAX_BODY_BYTES, MAX_BODY_BYTES + 401)
    memory.release(MAX_BODY_BYTES + 600)
    memory.release(10)
    assert memory.held_bytes == 0
