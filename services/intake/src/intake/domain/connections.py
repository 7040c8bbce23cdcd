"""How an outside system is connected: its secrets, its options and its state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from common.contracts.event import ContactId, SystemName
from common.core.ids import derived_id
from common.core.secret_strength import split_secrets
from intake.domain.model import ConnectionState
from intake.domain.silence import Expectation

SecretOrigin = Literal["request", "variable", "file"]
# The new one and the old one, while it is changed.
MAX_SECRETS: Final = 2
# Their secret is a password, which may hold a comma.
_PASSWORD_KINDS: Final = frozenset({"imap"})


@dataclass(frozen=True, slots=True)
class SecretSource:
    """A secret as a manager names it: `value` is the secret itself, a variable or a path."""

    origin: SecretOrigin
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """A secret that stays as it is stored; `place` counts those of the connection from 1."""

    place: int


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret as it is stored: `value` is the encrypted secret, a variable or a path."""

    origin: SecretOrigin
    value: str = field(repr=False)
    since: datetime


@dataclass(frozen=True, slots=True)
class ConnectionSetup:
    """A connection with all that managers may read and change.

    `app_secret` is of the app as which intake signs in to the system, if its options name one.
    An archived one has no secrets: its deliveries are answered as those of an unknown one.
    """

    kind: str
    connection: str
    state: ConnectionState
    version: int
    secrets: Sequence[StoredSecret]
    options: Mapping[str, Any]
    expected: Expectation | None
    changed_at: datetime
    changed_by: str
    app_secret: StoredSecret | None = None

    @property
    def system(self) -> SystemName:
        return SystemName(f"{self.kind}:{self.connection}")

    @property
    def key(self) -> ContactId:
        return connection_key(self.kind, self.connection)

    @property
    def all_secrets(self) -> Sequence[StoredSecret]:
        own = () if self.app_secret is None else (self.app_secret,)
        return (*self.secrets, *own)

    @property
    def is_archived(self) -> bool:
        return self.state == "archived"

    @property
    def is_unreadable(self) -> bool:
        """Whether it stands for one whose row can't be read: of others the archived have no secret.

        It is shown without what can't be read, and must be put again whole.
        """
        return not self.secrets and not self.is_archived

    @property
    def is_watched(self) -> bool:
        """Whether its silence is told."""
        return self.state == "active" and self.expected is not None

    def changed(self, now: datetime, by: str, **fields: Any) -> "ConnectionSetup":
        """Return the next version; this one if nothing is changed."""
        after = replace(self, **fields)
        if after == self:
            return self
        return replace(after, version=self.version + 1, changed_at=now, changed_by=by)


@dataclass(frozen=True, slots=True)
class ConnectionFailure:
    """The last thing that went wrong with a connection; it holds no words of customers."""

    at: datetime
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ConnectionActivity:
    """What came by a connection; `silent_since`: what is expected of it does not come."""

    last_delivery_at: datetime | None = None
    last_failure: ConnectionFailure | None = None
    silent_since: datetime | None = None


def separate_secrets(kind: str, text: str) -> tuple[str, ...]:
    """Return the secrets that a text names; of a kind with a password, the text itself."""
    return (text,) if kind in _PASSWORD_KINDS else split_secrets(text)


def connection_key(kind: str, connection: str) -> ContactId:
    """Return what events and timers about a connection have in place of a contact's id."""
    return ContactId(derived_id("channel connection", kind, connection))
