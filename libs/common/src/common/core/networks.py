"""Addresses of the internet, and networks that settings name: what a service may call."""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# Addresses of NAT64 hold one of IPv4 in their last four bytes (RFC 6052).
_NAT64: Final = IPv6Network("64:ff9b::/96")
# An address of IPv4 inside one of IPv6: by NAT64, Teredo and 6to4 it may lead to any network.
_TRANSLATED: Final = tuple(
    IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
)


def read_networks(text: str) -> tuple[Network, ...]:
    """Read addresses or networks, separated by commas; raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def read_address(text: str) -> Address:
    """Return the address that is really called: some of IPv6 stand for one of IPv4."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def is_listed(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def is_public(address: Address) -> bool:
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_public_host(text: str) -> bool:
    """Return whether this is the address of one host that everybody in the internet can reach."""
    try:
        written, called = ip_address(text.partition("%")[0]), read_address(text)
    except ValueError:
        return False
    return is_public(called) and not is_listed(written, _TRANSLATED)
