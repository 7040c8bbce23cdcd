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

    def is_shared(self, system: SystemName) -> bool:
        return system in self.shared

    def scope(self, system: SystemName, customer: Customer) -> Customer:
        """Return the customer with an id that no other namespace has: `channel:shop:4711`."""
        namespace = self.shared.get(system, system)
        scoped = CustomerId(f"{namespace}:{customer.customer_id}")
        return customer.model_copy(update={"customer_id": scoped})


def merge(stored: Customer | None, stated: Customer) -> Customer:
    """Return the stored customer with what is stated now; what is not stated stays."""
    if stored is None:
        return stated
    changes = {name: getattr(stated, name) for name in stated.model_fields_set}
    return stored.model_copy(update=changes)
