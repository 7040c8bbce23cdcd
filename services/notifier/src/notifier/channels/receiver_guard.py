"""Which addresses others may let this service call: nobody makes it look into its own network.

A channel chooses the host of its webhook, and the owner of the host's DNS chooses the address. So
each address is checked when it is resolved for a call, and the call goes to that address.
"""

import asyncio
import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from common.core.networks import is_public_host

# As many as one process calls at a time; a thread begins when it is needed.
_MAX_LOOKUPS: Final = 64
# Others make the resolver raise errors of its own, or can be read in two ways.
_HOST: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")


# What is asked of the name service: a host, a port and a family of addresses.
_Question: TypeAlias = tuple[str, int, socket.AddressFamily]


class ForbiddenReceiverError(OSError):
    """The address is not one that may be called."""


class ReceiverGuard:
    """Admits HTTPS to public addresses; the hosts in `trusted` may have any, also without TLS."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = frozenset(host.lower() for host in trusted)

    def check_url(self, url: str) -> None:
        """Raise ForbiddenReceiverError for what no resolving makes good."""
        parts = _split(url)
        host = parts.hostname or ""
        if not host or parts.username is not None or parts.password is not None or parts.fragment:
            raise ForbiddenReceiverError("the URL must have a host, and no user and no fragment")
        if not (_is_address(host) or _HOST.fullmatch(host)):
            raise ForbiddenReceiverError("the host is no name of DNS")
        if host in self._trusted:
            return
        if parts.scheme != "https":
            raise ForbiddenReceiverError("the URL must begin with https://")
        if _is_address(host) and not is_public_host(host):
            raise ForbiddenReceiverError("the address is of a private network")

    def check_address(self, host: str, address: str) -> None:
        if host.lower() not in self._trusted and not is_public_host(address):
            raise ForbiddenReceiverError("the host has an address of a private network")


class OwnThreadsResolver(AbstractResolver):
    """Asks the name service in threads of its own.

    A look-up can't be ended, and who owns a domain decides how long it takes: in the threads of the
    event loop some of these would let all other channels wait. So a host has one thread at a time:
    calls that come meanwhile, also after earlier ones have given up, wait for its answer.
    """

    def __init__(self, max_threads: int = _MAX_LOOKUPS) -> None:
        self._threads = ThreadPoolExecutor(max_threads, thread_name_prefix="receivers")
        self._under_way: dict[_Question, asyncio.Future[list[Any]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        # One that is given up goes on for the others.
        answers = await asyncio.shield(self._look_up((host, port, family)))
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=result_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for result_family, _, protocol, _, address in answers
        ]

    def _look_up(self, question: _Question) -> "asyncio.Future[list[Any]]":
        under_way = self._under_way.get(question)
        if under_way is None:
            look_up = partial(socket.getaddrinfo, *question, socket.SOCK_STREAM)
            under_way = asyncio.get_running_loop().run_in_executor(self._threads, look_up)
            self._under_way[question] = under_way
            under_way.add_done_callback(partial(self._end, question))
        return under_way

    def _end(self, question: _Question, answered: "asyncio.Future[list[Any]]") -> None:
        del self._under_way[question]
        if not answered.cancelled():
            # Nobody else reads it if all have given up.
            answered.exception()

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedResolver(AbstractResolver):
    """Resolves again for each connection; every address of the host must be public."""

    def __init__(self, guard: ReceiverGuard, inner: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._inner = inner or OwnThreadsResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = await self._inner.resolve(host, port, family)
        for result in results:
            self._guard.check_address(host, result["host"])
        return results

    async def close(self) -> None:
        await self._inner.close()


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ForbiddenReceiverError(f"this is no URL: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise ForbiddenReceiverError("the URL must begin with https://")
    return parts


def _is_address(host: str) -> bool:
    """Also of the short and the decimal forms that `inet_aton` takes, as 127.1 and 2130706433."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return host.replace(".", "").isdigit() or host.startswith("0x")
    return True
