"""Customers belong to the system that sends them, unless systems are said to share them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from common.contracts.contacts import Tier
from common.contracts.event import CustomerId, SystemName


@dataclass(frozen=True, slots=True)
class CustomerStatement:
    """What a system says of a customer. None says nothing: what was said before stays."""

    customer_id: CustomerId
    name: str | None = None
    tier: Tier | None = None
    region: str | None = None

    @property
    def fields(self) -> dict[str, str]:
        """The fields that it states, by their names in the table."""
        values = {
            "customer_id": self.customer_id,
            "name": self.name,
            "tier": self.tier,
            "region": self.region,
        }
        return {name: value for name, value in values.items() if value is not None}


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
        return replace(customer, customer_id=scoped)
