"""The SQL of messages, of their files, and of what was reported about a contact."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, select, text, tuple_, update

from common.contracts.event import ContactId, MessageId
from common.storage.bulk import bulk_insert
from common.storage.connection import Connection
from common.storage.writes import Write, write_query
from intake import tables
from intake.domain.model import Attachment, HistoryEntry, Message

# When it came, and its id: the order of the messages of a contact.
MessageKey = tuple[datetime, str]


class Messages:
    """Messages and their files; who adds one holds the lock of the contact's row."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._new: dict[MessageId, Message] = {}
        self._attachments: list[Attachment] = []
        # What `load` has looked for, by contact and id; None: there is no such message.
        self._by_id: dict[tuple[ContactId, str], Message | None] = {}
        self._by_external_id: dict[tuple[ContactId, str], Message | None] = {}
        # Made by this transaction, so that the database has no message of them.
        self._new_contacts: set[ContactId] = set()

    def mark_new(self, contact_id: ContactId) -> None:
        """Record that this transaction makes the contact, to save queries."""
        self._new_contacts.add(contact_id)

    async def load(
        self,
        ids: Collection[tuple[ContactId, MessageId]],
        external_ids: Collection[tuple[ContactId, str]],
    ) -> None:
        """Look for all with one statement; the contacts' rows must be locked."""
        if not ids and not external_ids:
            return
        parameters = {
            "contact_ids": sorted({contact_id for contact_id, _ in (*ids, *external_ids)}),
            "message_ids": [message_id for _, message_id in ids],
            "external_ids": [external_id for _, external_id in external_ids],
        }
        self._by_id.update(dict.fromkeys(ids))
        self._by_external_id.update(dict.fromkeys(external_ids))
        for row in await self._connection.execute(_LOAD, parameters):
            message = Message(**row)
            contact_id = message.contact_id
            self._by_id[contact_id, message.message_id] = message
            if message.external_id is not None:
                self._by_external_id[contact_id, message.external_id] = message

    def add(self, message: Message) -> None:
        self._new[message.message_id] = message

    def attach(self, attachment: Attachment) -> None:
        self._attachments.append(attachment)

    async def get(self, contact_id: ContactId, message_id: MessageId) -> Message | None:
        if message_id in self._new:
            return self._new[message_id]
        if contact_id in self._new_contacts or (contact_id, message_id) in self._by_id:
            return self._by_id.get((contact_id, message_id))
        table = tables.messages.c
        return await self._find(table.contact_id == contact_id, table.message_id == message_id)

    async def get_external(self, contact_id: ContactId, external_id: str) -> Message | None:
        """Return the message that has this id in its outside system."""
        for message in self._new.values():
            if (message.contact_id, message.external_id) == (contact_id, external_id):
                return message
        key = (contact_id, external_id)
        if contact_id in self._new_contacts or key in self._by_external_id:
            return self._by_external_id.get(key)
        table = tables.messages.c
        return await self._find(table.contact_id == contact_id, table.external_id == external_id)

    async def list_near(self, message: Message, within: timedelta) -> list[Message]:
        """Return the contact's messages that were written about when this one was."""
        new = [each for each in self._new.values() if each.contact_id == message.contact_id]
        if message.contact_id in self._new_contacts:
            return new
        since, until, messages = message.at - within, message.at + within, tables.messages
        rows = await self._connection.execute(
            select(messages).where(
                messages.c.contact_id == message.contact_id, messages.c.at.between(since, until)
            )
        )
        return [*(Message(**row) for row in rows), *new]

    async def first_and_latest_of_customer(self, contact_id: ContactId) -> set[str]:
        """Return the texts of the customer's first and latest message."""
        rows = await self._connection.execute(_FIRST_AND_LATEST, {"contact_id": contact_id})
        new = [each for each in self._new.values() if each.contact_id == contact_id]
        return {*rows.scalars(), *(each.text for each in new if each.author == "customer")}

    async def _find(self, *conditions: ColumnElement[bool]) -> Message | None:
        messages = tables.messages
        query = select(messages).where(*conditions).order_by(messages.c.at).limit(1)
        row = (await self._connection.execute(query)).first()
        return Message(**row) if row else None

    async def name(self, message: Message, external_id: str) -> None:
        """Keep the id that a message turned out to have in its outside system."""
        if message.message_id in self._new:
            self._new[message.message_id] = replace(message, external_id=external_id)
            return
        named = replace(message, external_id=external_id)
        self._by_id[message.contact_id, message.message_id] = named
        self._by_external_id[message.contact_id, external_id] = named
        messages = tables.messages
        await self._connection.execute(
            update(messages)
            .where(messages.c.message_id == message.message_id)
            .values(external_id=external_id)
        )

    def writes(self) -> Iterator[Write]:
        if self._new:
            rows = _messages.dump_json(list(self._new.values())).decode()
            yield Write(_INSERT_MESSAGES, {"rows": rows})
        if self._attachments:
            rows = _attachments.dump_json(self._attachments).decode()
            yield Write(_INSERT_ATTACHMENTS, {"rows": rows})

    async def list_for(
        self, contact_id: ContactId, after: MessageKey | None, limit: int
    ) -> list[Message]:
        messages = tables.messages
        order = tuple_(messages.c.at, messages.c.message_id)
        query = select(messages).where(messages.c.contact_id == contact_id)
        if after is not None:
            query = query.where(order > after)
        rows = await self._connection.execute(query.order_by(order).limit(limit))
        return [Message(**row) for row in rows]

    async def attachments_of(self, contact_id: ContactId) -> list[Attachment]:
        attachments = tables.attachments
        rows = await self._connection.execute(
            select(attachments)
            .where(attachments.c.contact_id == contact_id)
            .order_by(attachments.c.message_ref, attachments.c.attachment_id)
        )
        return [Attachment(**row) for row in rows]


class ContactHistory:
    """What outside systems reported of a contact, the newest and what came too late."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._new: list[HistoryEntry] = []

    def add(self, entry: HistoryEntry) -> None:
        self._new.append(entry)

    def writes(self) -> Iterator[Write]:
        if self._new:
            rows = _history.dump_json(self._new).decode()
            yield Write(_INSERT_HISTORY, {"rows": rows})

    async def list_before(
        self, contact_id: ContactId, before: tuple[datetime, str, str] | None, limit: int
    ) -> list[HistoryEntry]:
        """Return the entries before the key (time, event, field), the latest first."""
        history = tables.contact_history
        key = tuple_(history.c.at, history.c.event_id, history.c.field)
        latest = (
            select(history)
            .where(history.c.contact_id == contact_id)
            .order_by(history.c.at.desc(), history.c.event_id.desc(), history.c.field.desc())
            .limit(limit)
        )
        if before is not None:
            latest = latest.where(key < before)
        rows = await self._connection.execute(latest)
        return [HistoryEntry(**row) for row in rows]


_messages = TypeAdapter(list[Message])
_attachments = TypeAdapter(list[Attachment])
_history = TypeAdapter(list[HistoryEntry])

_INSERT_MESSAGES = write_query("insert_messages", bulk_insert(tables.messages))
_INSERT_ATTACHMENTS = write_query(
    "insert_attachments", bulk_insert(tables.attachments, conflict="ignore")
)
_INSERT_HISTORY = write_query(
    "insert_history", bulk_insert(tables.contact_history, conflict="ignore")
)
_LOAD = text("""
    SELECT message_id::text, contact_id::text, author, person_id, text, at, automatic,
        reported_by, internal, external_id
    FROM messages WHERE contact_id = ANY (CAST(:contact_ids AS uuid[]))
        AND (message_id = ANY (CAST(:message_ids AS uuid[]))
            OR external_id = ANY (CAST(:external_ids AS text[])))
    ORDER BY at DESC
""")
_FIRST_AND_LATEST = text("""
    (SELECT text FROM messages WHERE contact_id = :contact_id AND author = 'customer'
     ORDER BY at, message_id LIMIT 1)
    UNION ALL
    (SELECT text FROM messages WHERE contact_id = :contact_id AND author = 'customer'
     ORDER BY at DESC, message_id DESC LIMIT 1)
""")
