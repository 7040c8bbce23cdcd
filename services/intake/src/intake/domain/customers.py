"""Customers belong to the system that sends them, unless systems are said to share them."""

from collections.abc import Mapping
from dataclasses import dataclass

from common.contracts.contacts import Customer
from common.contracts.event import CustomerId, SystemName


@dataclass(frozen=True, slots=True)
class CustomerNamespaces:
    """`shared` is the namespace of systems with the same customers; others have one of their own.

    The name of a system has a colon and a shared namespace has none, so the two never meet.
    """

    shared: Mapping[SystemName, str]

    def scope(self, system: SystemName, customer: Customer) -> Customer:
        """Return the customer with an id that no other namespace has: `channel:shop:4711`."""
        namespace = self.shared.get(system, system)
        scoped = CustomerId(f"{namespace}:{customer.customer_id}")
        return customer.model_copy(update={"customer_id": scoped})


def stated_fields(customer: Customer) -> dict[str, str]:
    """Return the fields that a system has stated, and not left to their defaults.

    Null states nothing: many systems send it for what they do not know.
    """
    return customer.model_dump(exclude_unset=True, exclude_none=True)
