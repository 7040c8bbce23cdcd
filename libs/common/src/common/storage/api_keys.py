"""The table of API keys: who may call, until when, and since when no longer.

A key is `ups_<id>_<secret>`; the table has its SHA-256 only. Lists of keys in the settings may also
have keys of another form.
"""

import hashlib
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from sqlalchemy import text

from common.contracts.event import ID_PATTERN, PersonId, Role
from common.core.secret_strength import split_secrets
from common.storage.connection import Connection

Scope = Literal["read", "write"]
Origin = Literal["settings", "command", "api"]

SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
ROLES: Final[tuple[Role, ...]] = get_args(Role)
# Who a settings list revokes in the name of.
SETTINGS: Final = "settings"
# In whose name the keys of a person who leaves are revoked.
DEPARTURE: Final = "departure"
PEOPLE: Final[tuple[Role, ...]] = ("representative", "supervisor", "manager")

_KEY: Final = re.compile(r"ups_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_SUBJECT: Final = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """An entry of the settings."""

    role: Role
    subject: str
    key: str

    @property
    def key_id(self) -> str:
        return key_id(self.key)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is stored about a key, and may be shown."""

    key_id: str
    role: Role
    subject: str
    scopes: tuple[Scope, ...]
    origin: Origin
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


@dataclass(frozen=True, slots=True)
class ActiveKey:
    """What is needed to admit a caller."""

    digest: bytes
    key_id: str
    role: Role
    subject: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None


def make_key() -> str:
    return f"ups_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"


def key_id(key: str) -> str:
    """Return the id in a key of our form; of another form, the beginning of its digest."""
    ours = _KEY.fullmatch(key)
    return ours[1] if ours else digest_of(key).hex()[:12]


def digest_of(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def parse_key_list(listed: str) -> tuple[ListedKey, ...]:
    """Read `role:subject:key`, separated by commas or lines.

    Raises ValueError, whose message has no part of a key.
    """
    parts = enumerate(split_secrets(listed), 1)
    entries = tuple(_parse_entry(number, part) for number, part in parts)
    owners: dict[str, ListedKey] = {}
    for entry in entries:
        if (owner := owners.setdefault(entry.key, entry)) is not entry:
            message = (
                f"{owner.role}:{owner.subject} and {entry.role}:{entry.subject} have the same key"
            )
            raise ValueError(message)
    return entries


def _parse_entry(number: int, entry: str) -> ListedKey:
    name, _, rest = entry.partition(":")
    subject, _, key = rest.partition(":")
    role = next((role for role in ROLES if role == name), None)
    if role is None or not _SUBJECT.fullmatch(subject) or not key:
        message = f"API key {number} must be role:subject:key, with a role of {ROLES}"
        raise ValueError(message)
    return ListedKey(role, subject, key)


class ApiKeyStore:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def active(self, now: datetime) -> list[ActiveKey]:
        rows = await self._connection.execute(_ACTIVE, {"now": now})
        return [ActiveKey(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]

    async def newest(
        self, *, before: tuple[datetime, str] | None = None, limit: int
    ) -> list[ApiKey]:
        """Return keys, newest first; `before` is the last one of the page before."""
        at, last_id = before or (None, None)
        rows = await self._connection.execute(_NEWEST, {"at": at, "id": last_id, "limit": limit})
        return [_stored(row) for row in rows]

    async def add(
        self,
        listed: ListedKey,
        *,
        scopes: Sequence[Scope],
        origin: Origin,
        by: str,
        now: datetime,
        expires_at: datetime | None = None,
    ) -> ApiKey | None:
        """Store a key; None if it, or a key of the same id, is stored already."""
        values = {
            "key_id": listed.key_id,
            "digest": digest_of(listed.key),
            "role": listed.role,
            "subject": listed.subject,
            "scopes": list(scopes),
            "origin": origin,
            "now": now,
            "by": by,
            "expires_at": expires_at,
        }
        row = (await self._connection.execute(_ADD, values)).first()
        return _stored(row) if row else None

    async def revoke(self, identifier: str, *, by: str, now: datetime) -> ApiKey | None:
        """Revoke a key for good, and return it as it is then; None if there is none.

        The settings do not bring it back: what a person revoked stays revoked.
        """
        values = {"key_id": identifier, "by": by, "now": now}
        row = (await self._connection.execute(_REVOKE, values)).first()
        return _stored(row) if row else None

    async def lock(self) -> None:
        """Let one transaction at a time decide what depends on all keys."""
        await self._connection.execute(_LOCK)

    async def is_revoked(self, identifier: str) -> bool:
        return bool((await self._connection.execute(_IS_REVOKED, {"id": identifier})).scalar_one())

    async def has_admin(self, now: datetime) -> bool:
        """Return whether a key of an admin is valid that may change anything."""
        return bool((await self._connection.execute(_HAS_ADMIN, {"now": now})).scalar_one())

    async def revoke_of_person(
        self, person_id: PersonId, *, made_until: datetime, now: datetime
    ) -> None:
        """Revoke for good the keys that a person who left then had; newer ones are not meant."""
        values = {
            "subject": person_id,
            "roles": list(PEOPLE),
            "made_until": made_until,
            "now": now,
            "by": DEPARTURE,
        }
        await self._connection.execute(_REVOKE_OF_PERSON, values)

    async def apply_list(self, listed: Sequence[ListedKey], now: datetime) -> list[str]:
        """Make the keys of the settings those that are listed, and no other.

        Return the ids of listed keys that a person has revoked.
        """
        await self.lock()
        digests = [digest_of(entry.key) for entry in listed]
        values = {
            "ids": [entry.key_id for entry in listed],
            "digests": digests,
            "roles": [entry.role for entry in listed],
            "subjects": [entry.subject for entry in listed],
            "scopes": list(SCOPES),
            "now": now,
        }
        await self._connection.execute(_APPLY, values)
        await self._connection.execute(_REVOKE_UNLISTED, {"digests": digests, "now": now})
        revoked = await self._connection.execute(_REVOKED_OF, {"digests": digests})
        return list(revoked.scalars())

    async def record_use(self, identifiers: Collection[str], now: datetime) -> None:
        """Note that the keys were used; a key's row changes once a minute at most."""
        await self._connection.execute(_RECORD_USE, {"ids": list(identifiers), "now": now})


def _stored(row: Any) -> ApiKey:
    return ApiKey(**{**row, "scopes": tuple(row["scopes"])})


_COLUMNS = """
    key_id, role, subject, scopes, origin, created_at, created_by, expires_at, last_used_at,
    revoked_at, revoked_by
"""
_ACTIVE = text("""
    SELECT digest, key_id, role, subject, scopes, expires_at FROM api_keys
    WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
""")
_NEWEST = text(f"""
    SELECT {_COLUMNS} FROM api_keys
    WHERE CAST(:id AS text) IS NULL OR (created_at, key_id) < (CAST(:at AS timestamptz), :id)
    ORDER BY created_at DESC, key_id DESC LIMIT :limit
""")
_ADD = text(f"""
    INSERT INTO api_keys
        (key_id, digest, role, subject, scopes, origin, created_at, created_by, expires_at)
    VALUES (:key_id, :digest, :role, :subject, CAST(:scopes AS text[]), :origin, :now, :by,
            :expires_at)
    ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
""")
# A revocation by a person wins over an earlier one by the settings.
_REVOKE = text(f"""
    UPDATE api_keys SET
        revoked_at = coalesce(revoked_at, :now),
        revoked_by = coalesce(nullif(revoked_by, '{SETTINGS}'), :by)
    WHERE key_id = :key_id RETURNING {_COLUMNS}
""")
_IS_REVOKED = text("""
    SELECT EXISTS (SELECT 1 FROM api_keys WHERE key_id = :id AND revoked_at IS NOT NULL)
""")
_HAS_ADMIN = text("""
    SELECT EXISTS (
        SELECT 1 FROM api_keys
        WHERE role = 'admin' AND 'write' = ANY(scopes) AND revoked_at IS NULL
          AND (expires_at IS NULL OR expires_at > :now)
    )
""")
_REVOKE_OF_PERSON = text("""
    UPDATE api_keys SET revoked_at = :now, revoked_by = :by WHERE key_id = ANY(ARRAY(
        SELECT key_id FROM api_keys
        WHERE subject = :subject AND role = ANY(CAST(:roles AS text[])) AND revoked_at IS NULL
          AND created_at <= :made_until
        ORDER BY key_id FOR UPDATE
    ))
""")
_LOCK = text("SELECT pg_advisory_xact_lock(lock_key('api-keys'))")
_APPLY = text(f"""
    INSERT INTO api_keys
        (key_id, digest, role, subject, scopes, origin, created_at, created_by)
    SELECT listed.*, CAST(:scopes AS text[]), 'settings', :now, '{SETTINGS}'
    FROM unnest(
        CAST(:ids AS text[]), CAST(:digests AS bytea[]), CAST(:roles AS text[]),
        CAST(:subjects AS text[])
    ) AS listed(key_id, digest, role, subject)
    ON CONFLICT (digest) DO UPDATE SET
        role = excluded.role, subject = excluded.subject, scopes = excluded.scopes,
        origin = 'settings', expires_at = NULL, revoked_at = NULL, revoked_by = NULL
    WHERE api_keys.revoked_by IS NULL OR api_keys.revoked_by = '{SETTINGS}'
""")
_REVOKE_UNLISTED = text(f"""
    UPDATE api_keys SET revoked_at = :now, revoked_by = '{SETTINGS}'
    WHERE origin = 'settings' AND revoked_at IS NULL AND digest <> ALL(CAST(:digests AS bytea[]))
""")
_REVOKED_OF = text("""
    SELECT key_id FROM api_keys
    WHERE digest = ANY(CAST(:digests AS bytea[])) AND revoked_at IS NOT NULL
""")
# In one order, and without waiting: another replica may write the same rows.
_RECORD_USE = text("""
    UPDATE api_keys SET last_used_at = CAST(:now AS timestamptz) WHERE key_id = ANY(ARRAY(
        SELECT key_id FROM api_keys
        WHERE key_id = ANY(CAST(:ids AS text[]))
          AND coalesce(last_used_at, '-infinity')
              < CAST(:now AS timestamptz) - interval '1 minute'
        ORDER BY key_id FOR UPDATE SKIP LOCKED
    ))
""")
