"""Customers belong to the system that sends them, unless systems are said to share them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from common.contracts.contacts import Tier
from common.contracts.event import CustomerId, SystemName
from intake.domain.addresses import Address, StatedAddress, normalize

# Of one customer in one request; more are not read.
MAX_ADDRESSES: Final = 10


class CustomerStatement(NamedTuple):
    """What a system says of a customer. None says nothing: what was said before stays.

    `stated_addresses` are as the system wrote them, `addresses` in their form to compare.
    `default_tier` counts for this contact if no system has ever said a tier; it is not kept.
    """

    customer_id: CustomerId
    name: str | None = None
    tier: Tier | None = None
    region: str | None = None
    stated_addresses: tuple[StatedAddress, ...] = ()
    addresses: tuple[Address, ...] = ()
    default_tier: Tier | None = None

    def after(self, earlier: "CustomerStatement") -> "CustomerStatement":
        """Return what both say together: this one, and what only the earlier one says."""
        return CustomerStatement(
            self.customer_id,
            self.name or earlier.name,
            self.tier or earlier.tier,
            self.region or earlier.region,
            addresses=_together((*earlier.addresses, *self.addresses)),
        )


@dataclass(frozen=True, slots=True)
class CustomerNamespaces:
    """Which customers of systems are the same.

    `shared` is the namespace of systems with the same customers; others have one of their own.
    The name of a system has a colon and a shared namespace has none, so the two never meet.

    Only the `proving` systems verify addresses. `default_region` is the country of telephone
    numbers without one. A contact follows one that is open, or has ended `follows_within` before.
    """

    shared: Mapping[SystemName, str]
    proving: Collection[SystemName] = ()
    default_region: str | None = None
    follows_within: timedelta = timedelta(0)

    def scope(self, system: SystemName, customer: CustomerStatement) -> CustomerStatement:
        """Return the customer with an id that no other namespace has: `channel:shop:4711`.

        What is no address is left out, and none is verified by a system that proves nothing.
        """
        namespace = self.shared.get(system, system)
        read = (
            normalize(stated, self.default_region)
            for stated in customer.stated_addresses[:MAX_ADDRESSES]
        )
        proves = system in self.proving
        addresses = (
            address if proves else address._replace(verified=False)
            for address in read
            if address is not None
        )
        return customer._replace(
            customer_id=CustomerId(f"{namespace}:{customer.customer_id}"),
            stated_addresses=(),
            addresses=_together(addresses),
        )


def customer_to_join(candidates: Collection[CustomerId], *, is_new: bool) -> CustomerId | None:
    """Return the customer whom a new one turns out to be.

    `candidates` have one of its addresses, verified on both sides. Who has contacts already is
    joined by a person only, and so is whom two customers could be.
    """
    return next(iter(candidates)) if is_new and len(candidates) == 1 else None


def _together(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Return each address once; it is verified if any of them is."""
    verified: dict[tuple[str, str], Address] = {}
    for address in addresses:
        key = (address.kind, address.address)
        earlier = verified.get(key)
        if earlier is None or not earlier.verified:
            verified[key] = address
    return tuple(verified.values())
