"""The SQL of what rules would make of past contacts."""

from typing import Any, NamedTuple

from sqlalchemy import text

from common.contracts.event import ContactId
from common.storage.connection import Connection
from intake.domain.understanding.signs import StatedNeeds


class PastContact(NamedTuple):
    """A contact as it is, and the customer's first text."""

    contact_id: ContactId
    needs: StatedNeeds
    vulnerability: tuple[str, ...]
    text: str


class PastContacts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def latest(self, limit: int) -> list[PastContact]:
        """Return the newest contacts in which the customer wrote something."""
        rows = await self._connection.execute(_LATEST, {"limit": limit})
        return [_past_contact(dict(row)) for row in rows]


def _past_contact(row: dict[str, Any]) -> PastContact:
    needs = StatedNeeds(row["topic"], row["language"], row["priority"])
    vulnerability = tuple(row["vulnerability"])
    return PastContact(ContactId(row["contact_id"]), needs, vulnerability, row["text"])


_LATEST = text("""
    SELECT CAST(contacts.contact_id AS text) AS contact_id, topic, language, priority,
        vulnerability, first.text
    FROM contacts CROSS JOIN LATERAL (
        SELECT messages.text FROM messages
        WHERE messages.contact_id = contacts.contact_id AND author = 'customer' AND NOT automatic
        ORDER BY at, message_id LIMIT 1
    ) AS first
    ORDER BY contacts.contact_id DESC LIMIT :limit
""")
