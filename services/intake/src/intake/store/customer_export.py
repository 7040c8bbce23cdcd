"""The SQL of all that intake keeps of a customer, as JSON, a few rows at a time."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from sqlalchemy import TextClause, text

from common.contracts.event import ContactId, CustomerId
from common.storage.connection import Connection

_BATCH_ROWS: Final = 50


class CustomerExport:
    """Yields rows as JSON texts with the columns of their tables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of_customers(
        self, section: str, customer_ids: Sequence[CustomerId]
    ) -> AsyncIterator[str]:
        """Yield what a section of `CUSTOMER_SECTIONS` has of these customers."""
        parameters = {"customer_ids": customer_ids}
        async for row in self._stream(CUSTOMER_SECTIONS[section], parameters):
            yield row

    async def contact_ids(self, customer_ids: Sequence[CustomerId]) -> AsyncIterator[ContactId]:
        async for contact_id in self._stream(_CONTACT_IDS, {"customer_ids": customer_ids}):
            yield ContactId(contact_id)

    async def of_contact(self, section: str, contact_id: ContactId) -> AsyncIterator[str]:
        """Yield what a section of `CONTACT_SECTIONS` has of this contact."""
        async for row in self._stream(CONTACT_SECTIONS[section], {"contact_id": contact_id}):
            yield row

    async def _stream(
        self, statement: TextClause, parameters: Mapping[str, object]
    ) -> AsyncIterator[str]:
        async for rows in self._connection.stream(statement, parameters, _BATCH_ROWS):
            for row in rows:
                yield row.item


_OF_CUSTOMERS = "customer_id = ANY (CAST(:customer_ids AS text[]))"
_OF_CONTACT = "contact_id = CAST(:contact_id AS uuid)"
_OF_KEY = "key = CAST(:contact_id AS text)"


def _rows_of(table: str, condition: str, order: str) -> TextClause:
    return text(
        f"SELECT CAST(to_json({table}) AS text) AS item FROM {table}"
        f" WHERE {condition} ORDER BY {order}"
    )


CUSTOMER_SECTIONS: Final = {
    "customers": _rows_of("customers", _OF_CUSTOMERS, "customer_id"),
    "addresses": _rows_of("customer_addresses", _OF_CUSTOMERS, "first_at"),
    "merges": _rows_of(
        "customer_merges",
        f"{_OF_CUSTOMERS} OR into_id = ANY (CAST(:customer_ids AS text[]))",
        "merge_id",
    ),
    "erasures": _rows_of("erasures", _OF_CUSTOMERS, "erasure_id"),
}
CONTACT_SECTIONS: Final = {
    "contact": _rows_of("contacts", _OF_CONTACT, "contact_id"),
    "messages": _rows_of("messages", _OF_CONTACT, "at, message_id"),
    "attachments": _rows_of("attachments", _OF_CONTACT, "message_ref, attachment_id"),
    "history": _rows_of("contact_history", _OF_CONTACT, "at, event_id"),
    "representatives": _rows_of("contact_representatives", _OF_CONTACT, "at"),
    "surveys": _rows_of("surveys", _OF_CONTACT, "sent_at"),
    "published_events": _rows_of("published_events", _OF_KEY, "id"),
    "dead_letters": _rows_of("dead_letters", _OF_KEY, "id"),
    # Without its headers, among which is the secret of the one who sent it.
    "case_reads": text("""
        SELECT CAST(json_build_object('system', received_from, 'case_ref', case_ref,
            'requested_at', requested_at, 'body', convert_from(body, 'UTF8')) AS text) AS item
        FROM case_reads JOIN contacts
            ON received_from = kind || ':' || connection AND external_ref = case_ref
        WHERE contact_id = CAST(:contact_id AS uuid) ORDER BY requested_at
    """),
    "stored_answers": _rows_of(
        "idempotency_keys", "mentions && ARRAY[CAST(:contact_id AS uuid)]", "at"
    ),
}
_CONTACT_IDS = text(f"""
    SELECT CAST(contact_id AS text) AS item FROM contacts WHERE {_OF_CUSTOMERS}
    ORDER BY contacts.contact_id
""")
