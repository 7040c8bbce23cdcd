"""The SQL of merged customers: who is merged into whom, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import text

from common.contracts.contacts import Customer
from common.contracts.event import ContactId, CustomerId, PersonId, SystemName
from common.storage.bulk import columns_to_arrays
from common.storage.connection import Connection
from intake.domain.customer_merges import CustomerLink, Links, MergeAction


@dataclass(frozen=True, slots=True)
class MergeRecord:
    """Who merged or unmerged a customer, and why; neither `by` nor `reported_by`: a rule."""

    merge_id: str
    customer_id: CustomerId
    into_id: CustomerId
    action: MergeAction
    reason: str
    by: PersonId | None
    reported_by: SystemName | None
    at: datetime


class CustomerMerges:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        """Until the transaction ends, no person merges or unmerges customers in another one."""
        await self._connection.execute(_LOCK_MERGES)

    async def links(self, customer_ids: Sequence[CustomerId]) -> Links:
        """Return all who are one customer with any of these."""
        rows = await self._connection.execute(_LINKS, {"customer_ids": customer_ids})
        links = (CustomerLink(**row) for row in rows)
        return {link.customer_id: link for link in links}

    async def lock_customers(self, customer_ids: Sequence[CustomerId]) -> None:
        """Wait for the contacts that are being taken in, and let later ones wait."""
        await self._connection.execute(_LOCK_CUSTOMERS, {"customer_ids": customer_ids})

    async def save(self, links: Iterable[CustomerLink], record: MergeRecord) -> None:
        fields = ("customer_id", "merged_into", "survivor_id", "version")
        rows = ([getattr(link, field) for field in fields] for link in links)
        await self._connection.execute(_SAVE_LINKS, columns_to_arrays(fields, rows))
        await self._connection.execute(_ADD_RECORD, asdict(record))

    async def contacts_of(
        self, customer_ids: Sequence[CustomerId], limit: int
    ) -> dict[ContactId, CustomerId]:
        """Return the published contacts of these customers, each with its customer."""
        parameters = {"customer_ids": customer_ids, "limit": limit}
        rows = await self._connection.execute(_CONTACTS, parameters)
        return {row.contact_id: row.customer_id for row in rows}

    async def as_published(self, customer_ids: Sequence[CustomerId]) -> dict[CustomerId, Customer]:
        """Return by which customer the events of each name it."""
        rows = await self._connection.execute(_AS_PUBLISHED, {"customer_ids": customer_ids})
        return {
            row.customer_id: Customer(
                customer_id=row.survivor_id, name=row.name, tier=row.tier, region=row.region
            )
            for row in rows
        }


_LOCK_MERGES = text("SELECT pg_advisory_xact_lock(lock_key('customer merges'))")
_LINKS = text("""
    WITH survivor AS MATERIALIZED (
        SELECT coalesce(survivor_id, customer_id) AS id FROM customers
        WHERE customer_id = ANY (CAST(:customer_ids AS text[]))
    )
    SELECT customer_id, merged_into, survivor_id, version FROM customers
    WHERE customer_id IN (SELECT id FROM survivor) OR survivor_id IN (SELECT id FROM survivor)
""")
_LOCK_CUSTOMERS = text("""
    SELECT FROM customers WHERE customer_id = ANY (CAST(:customer_ids AS text[]))
    ORDER BY customer_id FOR UPDATE
""")
_SAVE_LINKS = text("""
    UPDATE customers SET merged_into = link.merged_into, survivor_id = link.survivor_id,
        version = link.version
    FROM unnest(
        CAST(:customer_id AS text[]), CAST(:merged_into AS text[]), CAST(:survivor_id AS text[]),
        CAST(:version AS integer[])
    ) AS link(customer_id, merged_into, survivor_id, version)
    WHERE customers.customer_id = link.customer_id
""")
_ADD_RECORD = text("""
    INSERT INTO customer_merges
        (merge_id, customer_id, into_id, action, reason, by, reported_by, at)
    VALUES (CAST(:merge_id AS uuid), :customer_id, :into_id, :action, :reason, :by, :reported_by,
        :at)
""")
# Others are published once they are open, by the customer of that time.
_CONTACTS = text("""
    SELECT CAST(contact_id AS text) AS contact_id, customer_id FROM contacts
    WHERE customer_id = ANY (CAST(:customer_ids AS text[])) AND announced
    ORDER BY contacts.contact_id LIMIT :limit
""")
_AS_PUBLISHED = text("""
    SELECT own.customer_id, coalesce(own.survivor_id, own.customer_id) AS survivor_id,
        coalesce(survivor.name, own.name) AS name,
        coalesce(survivor.tier, own.tier, 'standard') AS tier,
        coalesce(survivor.region, own.region) AS region
    FROM customers AS own LEFT JOIN customers AS survivor ON survivor.customer_id = own.survivor_id
    WHERE own.customer_id = ANY (CAST(:customer_ids AS text[]))
""")
