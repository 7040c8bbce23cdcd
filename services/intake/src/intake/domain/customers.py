"""Customers belong to the system that sends them, unless systems are said to share them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from common.contracts.contacts import Tier
from common.contracts.event import CustomerId, SystemName


class CustomerStatement(NamedTuple):
    """What a system says of a customer. None says nothing: what was said before stays."""

    customer_id: CustomerId
    name: str | None = None
    tier: Tier | None = None
    region: str | None = None

    def after(self, earlier: "CustomerStatement") -> "CustomerStatement":
        """Return what both say together: this one, and what only the earlier one says."""
        return CustomerStatement(
            self.customer_id,
            self.name or earlier.name,
            self.tier or earlier.tier,
            self.region or earlier.region,
        )


@dataclass(frozen=True, slots=True)
class CustomerNamespaces:
    """`shared` is the namespace of systems with the same customers; others have one of their own.

    The name of a system has a colon and a shared namespace has none, so the two never meet.
    """

    shared: Mapping[SystemName, str]

    def scope(self, system: SystemName, customer: CustomerStatement) -> CustomerStatement:
        """Return the customer with an id that no other namespace has: `channel:shop:4711`."""
        namespace = self.shared.get(system, system)
        scoped = CustomerId(f"{namespace}:{customer.customer_id}")
        return CustomerStatement(scoped, customer.name, customer.tier, customer.region)
