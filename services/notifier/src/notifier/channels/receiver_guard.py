"""Which addresses others may let this service call: nobody makes it look into its own network.

A channel chooses the host of its webhook, and the owner of the host's DNS chooses the address. So
each address is checked when it is resolved for a call, and the call goes to that address.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from common.core import networks

# An address of IPv4 inside one of IPv6: by NAT64, Teredo and 6to4 it may lead to any network.
_TRANSLATED: Final = tuple(
    IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
)


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
        if host in self._trusted:
            return
        if parts.scheme != "https":
            raise ForbiddenReceiverError("the URL must begin with https://")
        if _is_address(host) and not is_public(host):
            raise ForbiddenReceiverError("the address is of a private network")

    def check_address(self, host: str, address: str) -> None:
        if host.lower() not in self._trusted and not is_public(address):
            raise ForbiddenReceiverError("the host has an address of a private network")


def is_public(address: str) -> bool:
    """Return whether this is the address of one host that everybody in the internet can reach."""
    try:
        written = ip_address(address.partition("%")[0])
        called = networks.read_address(address)
    except ValueError:
        return False
    return networks.is_public(called) and not networks.is_listed(written, _TRANSLATED)


class GuardedResolver(AbstractResolver):
    """Resolves again for each connection; every address of the host must be public."""

    def __init__(self, guard: ReceiverGuard, inner: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._inner = inner or ThreadedResolver()

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
