"""The SQL of contacts and of what belongs to them, and the unit of work of intake."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import select, text, tuple_, update

from common.contracts.assignments import ContactAssigned
from common.contracts.event import ContactId, CustomerId, Event, SystemName
from common.messages import Timer
from common.storage.bulk import bulk_insert, to_arrays
from common.storage.connection import Connection
from common.storage.rows import LockedTable
from common.storage.tables import idempotency_keys
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from common.storage.writes import Write
from intake import tables
from intake.connection_names import ConnectionNames
from intake.connection_secrets import ConnectionSecrets
from intake.connection_store import ChannelActivity, ChannelConnections
from intake.contact_list import conditions, is_readable
from intake.customer_merge_store import CustomerMerges
from intake.customer_store import Customers
from intake.customer_views import CustomerViews
from intake.domain.actors import Actor
from intake.domain.model import (
    AcceptedRequest,
    Contact,
    ContactFilters,
    IdempotencyKey,
    Survey,
)
from intake.domain.timers import CustomerAbsenceDue
from intake.erasure_store import Erasure
from intake.export_store import CustomerExport
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
        customer_ids: list[CustomerId] = []
        if filters.customer_id is not None:
            parameters = {"customer_id": filters.customer_id}
            customer_ids = (await self.connection.execute(_SAME_CUSTOMERS, parameters)).scalars()
            if not customer_ids:
                return []
        query = select(table).where(*conditions(filters, customer_ids), is_readable(actor))
        if after is not None:
            query = query.where(table.c.contact_id < after)
        query = query.order_by(table.c.contact_id.desc()).limit(limit)
        rows = await self.connection.execute(query)
        return [self.read(dict(row)) for row in rows]


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
        self.customers = Customers(connection, now)
        self.customer_merges = CustomerMerges(connection)
        self.customer_views = CustomerViews(connection)
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
        self.customer_export = CustomerExport(connection)
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

_UPSERT_SURVEYS = bulk_insert(tables.surveys, conflict="update")
_INSERT_KEYS = text("""
    INSERT INTO idempotency_keys (scope, key, fingerprint, result, at)
    SELECT * FROM unnest(
        CAST(:scope AS text[]), CAST(:key AS text[]), CAST(:fingerprint AS text[]),
        CAST(:result AS text[]), CAST(:at AS timestamptz[])
    ) AS accepted(scope, key, fingerprint, result, at)
    ORDER BY scope, key ON CONFLICT DO NOTHING RETURNING scope, key
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
_SAME_CUSTOMERS = text("""
    SELECT member.customer_id FROM customers AS named JOIN customers AS member
        ON member.customer_id = coalesce(named.survivor_id, named.customer_id)
            OR member.survivor_id = coalesce(named.survivor_id, named.customer_id)
    WHERE named.customer_id = :customer_id
""")
_CONTACTS_OF_REFS = text("""
    SELECT external_ref, CAST(contact_id AS text) AS contact_id FROM contacts
    WHERE received_from = :system AND external_ref = ANY (CAST(:refs AS text[]))
""")
