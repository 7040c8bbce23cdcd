"""The SQL of customers as their channels describe them: names, addresses, recent contacts."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from msgspec.structs import replace
from sqlalchemy import text

from common.contracts.contacts import Customer
from common.contracts.event import ContactId, CustomerId
from common.core.erasure import ERASED
from common.core.ids import new_id
from common.storage.bulk import columns_to_arrays
from common.storage.connection import Connection
from intake.domain.customers import CustomerStatement, customer_to_join

# Of one customer. More are not looked at, so that a flood costs what one contact costs.
_RECENT_CONTACTS: Final = 20
# What anybody may state of a customer without proof.
_MAX_UNVERIFIED_ADDRESSES: Final = 50
_JOIN_REASON: Final = "the same verified address"


class _Described(NamedTuple):
    """A customer as published, who may have another id, and their latest contact by topic."""

    customer: Customer
    recent: dict[str, ContactId]
    has_tier: bool


class Customers:
    """Customers as their channels described them; of merged ones, the survivor."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        # By identity: two equal ones may have another one between them.
        self._stated: dict[int, CustomerStatement] = {}
        self._described: dict[CustomerId, _Described] = {}
        self._made: dict[tuple[CustomerId, str], ContactId] = {}

    async def describe(
        self, stated: Sequence[CustomerStatement], follows_within: timedelta = timedelta(0)
    ) -> None:
        """Write what is stated of all with one statement; what is not stated stays.

        A new customer with a verified address of another one joins that one. Looks for contacts
        that are open, or ended within this time; a time of 0 looks for none.
        """
        together: dict[CustomerId, CustomerStatement] = {}
        for customer in stated:
            earlier = together.get(customer.customer_id, customer)
            together[customer.customer_id] = customer.after(earlier)
        if not together:
            return
        joins = await self._describe(together.values(), follows_within)
        joined = [
            together[customer_id]
            for customer_id, into in joins.items()
            if await self._join(customer_id, into)
        ]
        if joined:
            await self._describe(joined, follows_within)
        self._stated.update({id(customer): customer for customer in stated})

    async def describe_one(
        self, stated: CustomerStatement, follows_within: timedelta = timedelta(0)
    ) -> Customer:
        """Return all that is known of the customer; `describe` may have written it before."""
        if id(stated) not in self._stated:
            await self.describe([stated], follows_within)
        described = self._described[stated.customer_id]
        if described.has_tier or stated.default_tier is None:
            return described.customer
        return replace(described.customer, tier=stated.default_tier)

    def recent_contact(self, stated: CustomerStatement, topic: str) -> ContactId | None:
        """Return the customer's latest contact of the topic, as `describe` found it."""
        return self._described[stated.customer_id].recent.get(topic)

    def made_contact(self, stated: CustomerStatement, topic: str) -> ContactId | None:
        """Return the customer's latest contact of the topic that this transaction has made."""
        survivor = self._described[stated.customer_id].customer.customer_id
        return self._made.get((survivor, topic))

    def note_made(self, stated: CustomerStatement, topic: str, contact_id: ContactId) -> None:
        survivor = self._described[stated.customer_id].customer.customer_id
        self._made[survivor, topic] = contact_id

    async def are_same(self, customer_id: CustomerId, other_id: CustomerId) -> bool:
        """Return whether both are one customer."""
        if customer_id == other_id:
            return True
        rows = await self._connection.execute(_SURVIVORS, {"ids": [customer_id, other_id]})
        return len(set(rows.scalars())) == 1 and len(rows) > 1

    async def _describe(
        self, stated: Iterable[CustomerStatement], follows_within: timedelta
    ) -> dict[CustomerId, CustomerId]:
        """Return which of them turn out to be which customers."""
        parameters = self._parameters(list(stated), follows_within)
        described = await self._connection.execute(_DESCRIBE, parameters)
        written = {row.customer_id: row for row in described}
        for row in described:
            # The statement sees the survivor as it was before.
            fields = written.get(row.survivor_id, row)
            tier = fields.tier or row.tier
            customer = Customer(
                customer_id=CustomerId(row.survivor_id),
                name=fields.name or row.name,
                tier=tier or "standard",
                region=fields.region or row.region,
            )
            self._described[row.customer_id] = _Described(
                customer, row.recent or {}, has_tier=tier is not None
            )
        joins = (
            (row.customer_id, customer_to_join(row.candidates, is_new=row.is_new))
            for row in described
            if row.candidates
        )
        return {customer_id: into for customer_id, into in joins if into is not None}

    def _parameters(
        self, stated: list[CustomerStatement], follows_within: timedelta
    ) -> dict[str, Any]:
        fields = [(each.customer_id, each.name, each.tier, each.region) for each in stated]
        addresses = [(each.customer_id, *address) for each in stated for address in each.addresses]
        return {
            **columns_to_arrays(("customer_id", "name", "tier", "region"), fields),
            **dict.fromkeys(_ADDRESS_FIELDS),
            **(columns_to_arrays(_ADDRESS_FIELDS, addresses) if addresses else {}),
            "now": self._now,
            "since": self._now - follows_within if follows_within else None,
            "erased": ERASED,
        }

    async def _join(self, customer_id: CustomerId, into: CustomerId) -> bool:
        """Merge a customer without contacts; False if the other one is being changed."""
        parameters = {
            "customer_id": customer_id,
            "into": into,
            "merge_id": new_id(),
            "reason": _JOIN_REASON,
            "now": self._now,
        }
        return bool(await self._connection.execute(_JOIN, parameters))


_ADDRESS_FIELDS: Final = ("holder", "kind", "address", "verified")
_SURVIVORS = text("""
    SELECT coalesce(survivor_id, customer_id) FROM customers
    WHERE customer_id = ANY (CAST(:ids AS text[]))
""")
# In the order of the keys, so that two transactions do not deadlock.
_DESCRIBE = text(f"""
    WITH described AS (
        INSERT INTO customers (customer_id, name, tier, region)
        SELECT customer_id, name, tier, region FROM unnest(
            CAST(:customer_id AS text[]), CAST(:name AS text[]), CAST(:tier AS text[]),
            CAST(:region AS text[])
        ) AS stated(customer_id, name, tier, region)
        ORDER BY customer_id
        ON CONFLICT (customer_id) DO UPDATE SET name = coalesce(excluded.name, customers.name),
            tier = coalesce(excluded.tier, customers.tier),
            region = coalesce(excluded.region, customers.region)
        RETURNING customer_id, name, tier, region, survivor_id,
            coalesce(survivor_id, customer_id) AS survivor, xmax = 0 AS is_new
    ), stated AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(:holder AS text[]), CAST(:kind AS text[]), CAST(:address AS text[]),
            CAST(:verified AS boolean[])
        ) AS stated(customer_id, kind, address, verified)
    ), addresses AS (
        INSERT INTO customer_addresses AS known (customer_id, kind, address, verified, first_at)
        SELECT customer_id, kind, address, verified, CAST(:now AS timestamptz) FROM stated
        WHERE verified OR {_MAX_UNVERIFIED_ADDRESSES} > (
            SELECT count(*) FROM customer_addresses earlier
            WHERE earlier.customer_id = stated.customer_id)
        ORDER BY customer_id, kind, address
        ON CONFLICT (customer_id, kind, address) DO UPDATE SET verified = true
            WHERE excluded.verified AND NOT known.verified
    )
    SELECT described.customer_id, described.survivor AS survivor_id, is_new,
        coalesce(survivor.name, described.name) AS name,
        coalesce(survivor.tier, described.tier) AS tier,
        coalesce(survivor.region, described.region) AS region,
        (SELECT array_agg(customer_id) FROM (
            SELECT DISTINCT coalesce(holder.survivor_id, holder.customer_id) AS customer_id
            FROM stated JOIN customer_addresses AS held USING (kind, address)
                JOIN customers AS holder ON holder.customer_id = held.customer_id
            WHERE stated.customer_id = described.customer_id AND stated.verified AND held.verified
                AND held.customer_id <> described.customer_id
            LIMIT 2
        ) AS candidates) AS candidates,
        (SELECT jsonb_object_agg(topic, contact_id) FROM (
            SELECT DISTINCT ON (topic) topic, contact_id
            FROM (
                SELECT described.survivor AS customer_id
                UNION ALL
                SELECT customer_id FROM customers WHERE survivor_id = described.survivor
            ) AS member CROSS JOIN LATERAL (
                SELECT topic, contact_id, state, state_since, subject FROM contacts
                WHERE contacts.customer_id = member.customer_id
                ORDER BY contacts.contact_id DESC LIMIT {_RECENT_CONTACTS}
            ) AS contact
            WHERE CAST(:since AS timestamptz) IS NOT NULL
                AND (state IN ('open', 'waiting_on_customer')
                    OR state IN ('resolved', 'abandoned')
                        AND state_since >= CAST(:since AS timestamptz))
                AND subject <> :erased
            ORDER BY topic, contact_id DESC
        ) AS newest) AS recent
    FROM described LEFT JOIN customers AS survivor ON survivor.customer_id = described.survivor_id
""")
# A transaction that changes the links of the other customer holds its row: then nothing is joined.
_JOIN = text("""
    WITH target AS MATERIALIZED (
        SELECT customer_id FROM customers WHERE customer_id = :into AND merged_into IS NULL
        FOR SHARE SKIP LOCKED
    ), joined AS (
        UPDATE customers SET merged_into = target.customer_id, survivor_id = target.customer_id,
            version = version + 1
        FROM target WHERE customers.customer_id = :customer_id AND customers.merged_into IS NULL
        RETURNING customers.customer_id, customers.merged_into
    )
    INSERT INTO customer_merges (merge_id, customer_id, into_id, action, reason, at)
    SELECT CAST(:merge_id AS uuid), customer_id, merged_into, 'merged', CAST(:reason AS text),
        CAST(:now AS timestamptz)
    FROM joined RETURNING merge_id
""")
