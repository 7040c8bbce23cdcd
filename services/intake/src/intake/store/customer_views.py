"""The SQL of what is shown of a customer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from common.contracts.contacts import Tier
from common.contracts.event import CustomerId
from common.storage.connection import Connection
from intake.domain.actors import Actor
from intake.domain.addresses import Address, AddressKind
from intake.store.customer_merges import MergeRecord


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer as it is stored, and the end of its merges."""

    customer_id: CustomerId
    name: str | None
    tier: Tier | None
    region: str | None
    merged_into: CustomerId | None
    survivor_id: CustomerId
    version: int


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address under the id that it came with."""

    customer_id: CustomerId
    kind: AddressKind
    address: str
    verified: bool
    first_at: datetime


class CustomerViews:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def members(self, customer_id: CustomerId) -> list[CustomerView]:
        """Return all who are this customer; none if there is no such customer."""
        rows = await self._connection.execute(_MEMBERS, {"customer_id": customer_id})
        return [CustomerView(**row) for row in rows]

    async def is_readable(self, customer_ids: list[CustomerId], actor: Actor) -> bool:
        """Return whether the actor may see these: a representative, who had one of the contacts."""
        if actor.reach == "all":
            return True
        parameters = {"customer_ids": customer_ids, "person_id": actor.person_id}
        return bool(await self._connection.execute(_HAD_A_CONTACT, parameters))

    async def addresses(self, customer_ids: list[CustomerId], limit: int) -> list[KnownAddress]:
        """Return the latest ones first."""
        parameters = {"customer_ids": customer_ids, "limit": limit}
        rows = await self._connection.execute(_ADDRESSES, parameters)
        return [KnownAddress(**row) for row in rows]

    async def merges(self, customer_ids: list[CustomerId], limit: int) -> list[MergeRecord]:
        """Return what was merged and unmerged, the latest first."""
        parameters = {"customer_ids": customer_ids, "limit": limit}
        rows = await self._connection.execute(_MERGES, parameters)
        return [MergeRecord(**row) for row in rows]

    async def others_with_same_addresses(
        self, customer_ids: list[CustomerId], limit: int
    ) -> list[KnownAddress]:
        """Return other customers, each with an address of these; it may be unverified."""
        parameters = {"customer_ids": customer_ids, "limit": limit}
        rows = await self._connection.execute(_OTHERS, parameters)
        return [KnownAddress(**row) for row in rows]

    async def find(
        self, address: Address, after: CustomerId | None, limit: int
    ) -> list[KnownAddress]:
        """Return the customers with this address, behind the one named."""
        parameters = {
            "kind": address.kind,
            "address": address.address,
            "after": after,
            "limit": limit,
        }
        rows = await self._connection.execute(_FIND, parameters)
        return [KnownAddress(**row) for row in rows]


_MEMBERS = text("""
    WITH survivor AS MATERIALIZED (
        SELECT coalesce(survivor_id, customer_id) AS id FROM customers
        WHERE customer_id = :customer_id
    )
    SELECT customer_id, name, tier, region, merged_into, survivor.id AS survivor_id, version
    FROM survivor JOIN customers
        ON customers.customer_id = survivor.id OR customers.survivor_id = survivor.id
    ORDER BY customer_id
""")
_HAD_A_CONTACT = text("""
    SELECT FROM contact_representatives JOIN contacts USING (contact_id)
    WHERE person_id = :person_id AND customer_id = ANY (CAST(:customer_ids AS text[])) LIMIT 1
""")
_ADDRESSES = text("""
    SELECT customer_id, kind, address, verified, first_at FROM customer_addresses
    WHERE customer_id = ANY (CAST(:customer_ids AS text[]))
    ORDER BY first_at DESC, customer_id, kind, address LIMIT :limit
""")
_MERGES = text("""
    SELECT CAST(merge_id AS text) AS merge_id, customer_id, into_id, action, reason, by,
        reported_by, at
    FROM customer_merges WHERE customer_id = ANY (CAST(:customer_ids AS text[]))
    ORDER BY customer_merges.merge_id DESC LIMIT :limit
""")
_OTHERS = text("""
    SELECT DISTINCT ON (other.survivor, held.kind, held.address)
        other.survivor AS customer_id, held.kind, held.address, held.verified, held.first_at
    FROM customer_addresses AS own JOIN customer_addresses AS held USING (kind, address)
        CROSS JOIN LATERAL (
            SELECT coalesce(survivor_id, customer_id) AS survivor FROM customers
            WHERE customers.customer_id = held.customer_id
        ) AS other
    WHERE own.customer_id = ANY (CAST(:customer_ids AS text[]))
        AND held.customer_id <> ALL (CAST(:customer_ids AS text[]))
    ORDER BY other.survivor, held.kind, held.address, held.verified DESC LIMIT :limit
""")
_FIND = text("""
    SELECT customer_id, kind, address, verified, first_at FROM (
        SELECT DISTINCT ON (coalesce(survivor_id, customer_id))
            coalesce(survivor_id, customer_id) AS customer_id, kind, address, verified, first_at
        FROM customer_addresses JOIN customers USING (customer_id)
        WHERE address = :address AND kind = :kind
            AND (CAST(:after AS text) IS NULL OR coalesce(survivor_id, customer_id) > :after)
        ORDER BY coalesce(survivor_id, customer_id), verified DESC, first_at
    ) AS holder
    ORDER BY customer_id LIMIT :limit
""")
