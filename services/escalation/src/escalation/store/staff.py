"""The SQL of who can be reached, who serves what, and which queues were announced as unserved."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from common.contracts.event import PersonId
from common.contracts.notifications import Medium, RecipientChanged
from common.contracts.people import RepresentativeDescribed
from common.storage.connection import Connection
from escalation.domain.staff import OpenNeed, Staff, StaffGroup

# So that the answer has a bound, whatever topics channels send.
_MOST_NEEDS = 200


class StaffStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put_recipient(self, event: RecipientChanged) -> None:
        """Record on which media the person is reached, unless something newer is recorded."""
        values = {"person": event.person_id, "media": event.media, "since": event.occurred_at}
        await self._connection.execute(_PUT_RECIPIENT, values)

    async def put_representative(self, event: RepresentativeDescribed) -> None:
        """Record what the representative serves, unless something newer is recorded."""
        values = {
            "person": event.person_id,
            "skills": event.skills,
            "languages": event.languages,
            "active": event.active,
            "since": event.occurred_at,
        }
        await self._connection.execute(_PUT_REPRESENTATIVE, values)

    async def media_of(self, people: Collection[PersonId]) -> dict[PersonId, tuple[Medium, ...]]:
        """Return on which media each is reached; who is not a recipient is not there."""
        rows = await self._connection.execute(_MEDIA, {"people": list(people)})
        return {PersonId(row.person_id): tuple(row.media) for row in rows}

    async def read(self) -> Staff:
        reachable = await self._connection.execute(_REACHABLE)
        groups = await self._connection.execute(_GROUPS)
        needs = await self._connection.execute(_OPEN_NEEDS, {"limit": _MOST_NEEDS})
        return Staff(
            frozenset(PersonId(row.person_id) for row in reachable),
            tuple(StaffGroup(tuple(row.skills), tuple(row.languages)) for row in groups),
            tuple(OpenNeed(row.topic, row.language, row.contacts) for row in needs),
        )

    async def announce_unserved(self, queue: str, at: datetime, quiet_time: timedelta) -> bool:
        """Record that the queue is announced; False if it was within the quiet time."""
        quiet_since = at - quiet_time
        announced = await self._connection.execute(
            _ANNOUNCED, {"queue": queue, "quiet_since": quiet_since}
        )
        # Most contacts of such a queue find it announced: they lock nothing.
        if announced:
            return False
        values = {"queue": queue, "at": at, "quiet_since": quiet_since}
        return bool(await self._connection.execute(_ANNOUNCE, values))


_PUT_RECIPIENT = text("""
    INSERT INTO recipients (person_id, media, since) VALUES (:person, :media, :since)
    ON CONFLICT (person_id) DO UPDATE SET media = excluded.media, since = excluded.since
    WHERE recipients.since <= excluded.since
""").bindparams(bindparam("media", type_=JSONB))
_PUT_REPRESENTATIVE = text("""
    INSERT INTO representatives (person_id, skills, languages, active, since)
    VALUES (:person, :skills, :languages, :active, :since)
    ON CONFLICT (person_id) DO UPDATE SET skills = excluded.skills,
        languages = excluded.languages, active = excluded.active, since = excluded.since
    WHERE representatives.since <= excluded.since
""").bindparams(bindparam("skills", type_=JSONB), bindparam("languages", type_=JSONB))
_MEDIA = text("""
    SELECT person_id, media FROM recipients WHERE person_id = ANY(CAST(:people AS text[]))
""").columns(media=JSONB)
_REACHABLE = text("SELECT person_id FROM recipients WHERE media <> '[]'")
_GROUPS = text("""
    SELECT DISTINCT skills, languages FROM representatives WHERE active
""").columns(skills=JSONB, languages=JSONB)
_OPEN_NEEDS = text("""
    SELECT details->>'topic' AS topic, details->>'language' AS language, count(*) AS contacts
    FROM tracked_contacts
    WHERE resolved_at IS NULL AND opened_at IS NOT NULL
    GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT :limit
""")
_ANNOUNCED = text("""
    SELECT queue FROM unserved_queues WHERE queue = :queue AND announced_at > :quiet_since
""")
_ANNOUNCE = text("""
    INSERT INTO unserved_queues AS known (queue, announced_at) VALUES (:queue, :at)
    ON CONFLICT (queue) DO UPDATE SET announced_at = excluded.announced_at
    WHERE known.announced_at <= :quiet_since
    RETURNING queue
""")
