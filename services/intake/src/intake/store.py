"""The SQL of contacts and of what belongs to them, and the unit of work of intake."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import select, text, tuple_, update

from common.contracts.assignments import ContactAssigned
from common.contracts.contacts import Customer
from common.contracts.event import ContactId, CustomerId, Event, SystemName
from common.core.erasure import ERASED, WORDS
from common.messages import Timer
from common.storage.bulk import arrays_of, bulk_insert, to_arrays
from common.storage.connection import Connection
from common.storage.erasure import erase_published
from common.storage.rows import LockedTable
from common.storage.tables import idempotency_keys
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from common.storage.writes import Write
from intake import tables
from intake.connection_names import ConnectionNames
from intake.connection_secrets import ConnectionSecrets
from intake.connection_store import ChannelActivity, ChannelConnections
from intake.contact_list import conditions, is_readable
from intake.domain.actors import Actor
from intake.domain.customers import CustomerStatement
from intake.domain.model import (
    AcceptedRequest,
    Contact,
    ContactFilters,
    IdempotencyKey,
    Survey,
)
from intake.domain.timers import CustomerAbsenceDue
from intake.mailbox_store import Mailboxes
from intake.message_store import ContactHistory, Messages
from intake.representative_store import ContactRepresentatives
from intake.status_store import StatusChanges, StatusSources
from intake.understanding_store import PastContacts

KeyId = tuple[str, str]


class Contacts(LockedTable[ContactId, Contact]):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, tables.contacts, Contact)

    async def find_external(
        self, system: SystemName, external_refs: Iterable[str]
    ) -> dict[str, ContactId]:
        """Return the contacts of these tickets of a system, by the ticket.

        Until the transaction ends, no other transaction can make a contact of these tickets.
        """
        refs = sorted(set(external_refs))
        parameters = {"system": system, "refs": refs}
        await self.connection.execute(_LOCK_REFS, parameters)
        rows = await self.connection.execute(_CONTACTS_OF_REFS, parameters)
        return {row.external_ref: ContactId(row.contact_id) for row in rows}

    async def lock_merges(self, system: SystemName) -> None:
        """Until the transaction ends, no other one applies a merge that this system reports."""
        await self.connection.execute(_LOCK_MERGES, {"system": system})

    async def is_customer_away(self, contact_id: ContactId) -> bool:
        """Return whether the customer has left a chat and is waited for."""
        values = {"contact_id": contact_id, "slot": CustomerAbsenceDue.__name__}
        return bool((await self.connection.execute(_IS_AWAY, values)).scalar_one())

    async def page(
        self, filters: ContactFilters, actor: Actor, after: ContactId | None, limit: int
    ) -> list[Contact]:
        """Return the contacts that the actor may read, newest first."""
        table = tables.contacts
        query = select(table).where(*conditions(filters), is_readable(actor))
        if after is not None:
            query = query.where(table.c.contact_id < after)
        query = query.order_by(table.c.contact_id.desc()).limit(limit)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows]


class Customers:
    """Customers as their channels described them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # By identity: two equal ones may have another one between them.
        self._stated: dict[int, CustomerStatement] = {}
        self._described: dict[CustomerId, Customer] = {}

    async def describe(self, stated: Sequence[CustomerStatement]) -> None:
        """Write what is stated of all with one statement; what is not stated stays."""
        together: dict[CustomerId, CustomerStatement] = {}
        for customer in stated:
            earlier = together.get(customer.customer_id, customer)
            together[customer.customer_id] = customer.after(earlier)
        if not together:
            return
        rows = to_arrays(list(together.values()))
        for row in await self._connection.execute(_DESCRIBE_CUSTOMERS, rows):
            described = Customer(**row)
            self._described[described.customer_id] = described
        self._stated.update({id(customer): customer for customer in stated})

    async def describe_one(self, stated: CustomerStatement) -> Customer:
        """Return all that is known of the customer; `describe` may have written it before."""
        if id(stated) not in self._stated:
            await self.describe([stated])
        return self._described[stated.customer_id]


class Surveys:
    """Surveys by contact and survey id; who changes one holds the lock of the contact's row."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, contact_id: ContactId, survey_id: str) -> Survey | None:
        surveys = tables.surveys
        rows = await self._connection.execute(
            select(surveys).where(
                surveys.c.contact_id == contact_id, surveys.c.survey_id == survey_id
            )
        )
        row = rows.first()
        return _survey.validate_python(dict(row)) if row else None

    async def save(self, survey: Survey) -> None:
        rows = _surveys.dump_json([survey]).decode()
        await self._connection.execute(_UPSERT_SURVEYS, {"rows": rows})


class IdempotencyKeys:
    """Accepted requests, by the key under which their senders may send them again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._accepted: dict[KeyId, AcceptedRequest] = {}
        self._new: set[KeyId] = set()

    async def claim(self, requests: Sequence[AcceptedRequest]) -> None:
        """Claim all with one statement, for `take`; under one key the first request wins."""
        by_key: dict[KeyId, AcceptedRequest] = {}
        for request in requests:
            by_key.setdefault((request.scope, request.key), request)
        if not by_key:
            return
        rows = to_arrays(list(by_key.values()))
        new = {(scope, key) for scope, key in await self._connection.execute(_INSERT_KEYS, rows)}
        self._new |= new
        self._accepted.update(by_key)
        if repeated := by_key.keys() - new:
            keys = idempotency_keys.c
            earlier = await self._connection.execute(
                select(keys.scope, keys.key, keys.fingerprint, keys.result, keys.at).where(
                    tuple_(keys.scope, keys.key).in_(repeated)
                )
            )
            self._accepted.update({(row.scope, row.key): AcceptedRequest(*row) for row in earlier})

    def take(self, key: IdempotencyKey) -> AcceptedRequest | None:
        """Return None for the first request under a claimed key, else that first request."""
        key_id = (key.scope, key.key)
        if key_id in self._new:
            self._new.remove(key_id)
            return None
        return self._accepted[key_id]

    def may_be_first(self, key: IdempotencyKey | None) -> bool:
        """Return whether the request is no repeat of one that was accepted before."""
        return key is None or (key.scope, key.key) in self._new

    async def replace_result(self, key: IdempotencyKey, result: str) -> None:
        """Write another result than the one with which this transaction claimed the key."""
        key_id = (key.scope, key.key)
        self._accepted[key_id] = self._accepted[key_id]._replace(result=result)
        table = idempotency_keys
        await self._connection.execute(
            update(table)
            .where(table.c.scope == key.scope, table.c.key == key.key)
            .values(result=result)
        )


class Erasure:
    """Erases the words of a customer. Rows of contacts are locked and written as everywhere."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def erase_customer(self, customer_id: CustomerId) -> bool:
        """Erase name and region; return False if there is no such customer."""
        customers = tables.customers
        erased = await self._connection.execute(
            update(customers)
            .where(customers.c.customer_id == customer_id)
            .values(name=None, region=None)
            .returning(customers.c.customer_id)
        )
        return erased.first() is not None

    async def contacts_of(
        self, customer_id: CustomerId, after: ContactId | None, limit: int
    ) -> list[ContactId]:
        contacts = tables.contacts
        query = select(contacts.c.contact_id).where(contacts.c.customer_id == customer_id)
        if after is not None:
            query = query.where(contacts.c.contact_id > after)
        rows = await self._connection.execute(query.order_by(contacts.c.contact_id).limit(limit))
        return [ContactId(row.contact_id) for row in rows]

    async def erase_words_of(self, contact_ids: Sequence[ContactId]) -> None:
        """Erase messages, comments, the words in published events and stored answers."""
        parameters = {"contact_ids": contact_ids, "erased": ERASED}
        await self._connection.execute(_ERASE_MESSAGES, parameters)
        await self._connection.execute(_ERASE_ATTACHMENTS, parameters)
        await self._connection.execute(_ERASE_ANSWERS, parameters)
        # Where the customer is goes too; escalation needs its copy while the contact is open.
        words = WORDS | {"region"}
        await erase_published(self._connection, contact_ids, words=words)


_WITHOUT_KEYS: Final = ConnectionSecrets()


class UnitOfWork(BaseUnitOfWork):
    rows_lock_keys = True

    def __init__(
        self,
        connection: Connection,
        now: datetime,
        secrets: ConnectionSecrets = _WITHOUT_KEYS,
        status_sources: StatusSources | None = None,
    ) -> None:
        super().__init__(connection, now)
        self.status_changes = StatusChanges(
            connection, status_sources or StatusSources(), self.outbox
        )
        self.contacts = Contacts(connection)
        self.customers = Customers(connection)
        self.messages = Messages(connection)
        self.contact_history = ContactHistory(connection)
        self.contact_representatives = ContactRepresentatives(connection)
        self.surveys = Surveys(connection)
        self.idempotency_keys = IdempotencyKeys(connection)
        self.channel_connections = ChannelConnections(connection, secrets)
        self.channel_activity = ChannelActivity(connection)
        self.connection_names = ConnectionNames(connection)
        self.mailboxes = Mailboxes(connection, now)
        self.erasure = Erasure(connection)
        self.past_contacts = PastContacts(connection)

    @property
    def rows(self) -> Sequence[LockedTable[Any, Any]]:
        return (self.contacts,)

    async def prelock(self, contact_ids: Sequence[ContactId]) -> None:
        await self.contacts.lock_all(contact_ids)

    async def preload(self, messages: Sequence[Event | Timer]) -> None:
        """Lock the contacts that tell of their assignment: a projection has locked none."""
        assigned = [each.contact_id for each in messages if isinstance(each, ContactAssigned)]
        if assigned:
            await self.contacts.lock_all(await self.status_changes.wanted_of(assigned))

    async def writes(self) -> list[Write]:
        await self.status_changes.publish()
        return [
            *await super().writes(),
            *self.messages.writes(),
            *self.contact_history.writes(),
        ]

    async def flush(self) -> None:
        await super().flush()
        # It looks whether the contacts are there.
        await self.contact_representatives.flush()


_survey = TypeAdapter(Survey)
_surveys = TypeAdapter(list[Survey])

# In the order of the key, so that two transactions do not deadlock.
_DESCRIBE_CUSTOMERS = text(f"""
    INSERT INTO customers (customer_id, name, tier, region)
    SELECT customer_id, name, tier, region FROM {arrays_of(tables.customers)} ORDER BY customer_id
    ON CONFLICT (customer_id) DO UPDATE SET name = coalesce(excluded.name, customers.name),
        tier = coalesce(excluded.tier, customers.tier),
        region = coalesce(excluded.region, customers.region)
    RETURNING customer_id, name, coalesce(tier, 'standard') AS tier, region
""")
_UPSERT_SURVEYS = bulk_insert(tables.surveys, conflict="update")
_INSERT_KEYS = text("""
    INSERT INTO idempotency_keys (scope, key, fingerprint, result, at)
    SELECT * FROM unnest(
        CAST(:scope AS text[]), CAST(:key AS text[]), CAST(:fingerprint AS text[]),
        CAST(:result AS text[]), CAST(:at AS timestamptz[])
    ) AS accepted(scope, key, fingerprint, result, at)
    ORDER BY scope, key ON CONFLICT DO NOTHING RETURNING scope, key
""")

_ERASE_MESSAGES = text("""
    UPDATE messages SET text = :erased WHERE contact_id = ANY (CAST(:contact_ids AS uuid[]))
""")
_ERASE_ATTACHMENTS = text("""
    DELETE FROM attachments WHERE contact_id = ANY (CAST(:contact_ids AS uuid[]))
""")
_ERASE_ANSWERS = text("""
    UPDATE surveys SET answer = jsonb_set(answer, '{comment}', 'null')
    WHERE contact_id = ANY (CAST(:contact_ids AS uuid[])) AND answer IS NOT NULL
""")


# Everywhere in one order, so that two transactions with the same rows do not deadlock.
_LOCK_REFS = text("""
    SELECT pg_advisory_xact_lock(lock) FROM (
        SELECT DISTINCT lock_key('ref ' || CAST(:system AS text) || ' ' || ref) AS lock
        FROM unnest(CAST(:refs AS text[])) AS ref
        ORDER BY lock
    ) AS locks
""")
_IS_AWAY = text("""
    SELECT EXISTS (SELECT FROM timers WHERE contact_id = :contact_id AND slot = :slot)
""")
_LOCK_MERGES = text("SELECT pg_advisory_xact_lock(lock_key('merges ' || CAST(:system AS text)))")
_CONTACTS_OF_REFS = text("""
    SELECT external_ref, CAST(contact_id AS text) AS contact_id FROM contacts
    WHERE received_from = :system AND external_ref = ANY (CAST(:refs AS text[]))
""")
