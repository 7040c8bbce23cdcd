"""Addresses that a channel names lead to public hosts, whatever they look like."""

import asyncio
import socket
import threading
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from common.core.networks import is_public_host
from notifier.channels.receiver_guard import (
    ForbiddenReceiverError,
    GuardedResolver,
    ReceiverGuard,
)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_address_that_everybody_reaches_is_public_host(address: str) -> None:
    assert is_public_host(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.7",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:10.0.0.7",
        "64:ff9b::a00:7",
        "2002:a00:7::1",
        "2001::1",
        "not an address",
    ],
)
def test_address_of_a_network_of_ours_is_not_public(address: str) -> None:
    assert not is_public_host(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/",
        "ftp://shop.example.com/",
        "https://",
        "https://user@shop.example.com/",
        "https://:word@shop.example.com/",
        "https://shop.example.com/#part",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://shop.example.com:port/",
        "https://[::1/",
        "https://shop..example.com/",
        "https://127%2e0.0.1/",
        "https://127.0.0.1\\.example.com/",
        f"https://{'a' * 64}.example.com/",
    ],
)
def test_url_that_no_resolving_makes_good_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenReceiverError):
        ReceiverGuard().check_url(url)


def test_public_url_is_taken() -> None:
    ReceiverGuard().check_url("https://shop.example.com:8443/statuses?key=1")
    ReceiverGuard().check_url("https://8.8.8.8/")


def test_trusted_host_may_be_private_and_without_tls() -> None:
    guard = ReceiverGuard(("Shop.internal", "127.0.0.1"))
    guard.check_url("http://shop.internal:8080/")
    guard.check_address("shop.internal", "10.0.0.7")
    guard.check_url("http://127.0.0.1:8080/")
    with pytest.raises(ForbiddenReceiverError):
        guard.check_address("other.internal", "10.0.0.7")


class _Names(AbstractResolver):
    """Says that a host has these addresses."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


def test_host_with_one_private_address_is_not_called() -> None:
    guard = ReceiverGuard()
    resolve = GuardedResolver(guard, _Names("8.8.8.8", "10.0.0.7")).resolve
    with pytest.raises(ForbiddenReceiverError):
        asyncio.run(resolve("shop.example.com", 443))
    results = asyncio.run(GuardedResolver(guard, _Names("8.8.8.8")).resolve("shop.example.com"))
    assert [result["host"] for result in results] == ["8.8.8.8"]


def test_host_whose_name_service_hangs_delays_no_other_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_answer = threading.Event()

    def look_up(host: str, port: int, *_: Any) -> list[Any]:
        if host == "slow.example.com":
            may_answer.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))]

    async def look_up_both() -> tuple[str, list[str]]:
        resolver = GuardedResolver(ReceiverGuard())
        slow = [asyncio.ensure_future(resolver.resolve("slow.example.com", 443)) for _ in range(80)]
        await asyncio.sleep(0)
        try:
            # Calls are given up before the name service answers; its threads are not free then.
            slow.pop().cancel()
            (other,) = await asyncio.wait_for(resolver.resolve("other.example.com", 443), 10)
            may_answer.set()
            return other["host"], [each["host"] for (each,) in await asyncio.gather(*slow)]
        finally:
            may_answer.set()
            await resolver.close()

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert asyncio.run(look_up_both()) == ("8.8.8.8", ["8.8.8.8"] * 79)


async def _look_up_while_others_hang(hosts: int) -> str:
    """Let many look-ups of receivers hang; return what one by the event loop says."""
    resolver = GuardedResolver(ReceiverGuard())
    names = (f"{number}.example.com" for number in range(hosts))
    hanging = asyncio.gather(*(resolver.resolve(name, 443) for name in names))
    await asyncio.sleep(0)
    try:
        (*_, address), *_ = await asyncio.get_running_loop().getaddrinfo("ours.example.com", 443)
        return str(address[0])
    finally:
        hanging.cancel()
        await resolver.close()


def test_name_service_of_a_receiver_delays_no_other_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_answer = threading.Event()

    def look_up(host: str, port: int, *_: Any) -> list[Any]:
        if host != "ours.example.com":
            may_answer.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def look_up_and_let_go() -> str:
        try:
            return await asyncio.wait_for(_look_up_while_others_hang(64), 10)
        finally:
            may_answer.set()

    assert asyncio.run(look_up_and_let_go()) == "192.0.2.1"
