"""What managers do with connections, by the API or by files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from common.core.preconditions import NO_PRECONDITION, Precondition
from common.core.secret_strength import weakness
from intake.connection_secrets import ConnectionSecrets, SecretUnavailableError
from intake.connections import silence_watch
from intake.domain.connections import (
    MAX_SECRETS,
    ConnectionSetup,
    KeptSecret,
    SecretSource,
    StoredSecret,
    separate_secrets,
)
from intake.domain.errors import (
    ConnectionNotFoundError,
    InvalidConnectionError,
    StaleConnectionError,
    WeakSecretError,
)
from intake.domain.model import ConnectionState
from intake.domain.silence import Expectation
from intake.store import UnitOfWork

# The outside system chooses it, and some choose short ones.
MIN_SECRET_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True)
class ConnectionChange:
    """How a connection shall be; None keeps its state or its secrets. The options are checked.

    `needs_app_secret`: intake signs in to the system as an app. Else there is no `app_secret`.
    """

    kind: str
    connection: str
    options: Mapping[str, Any]
    secrets: Sequence[SecretSource | KeptSecret] | None = None
    state: ConnectionState | None = None
    expected: Expectation | None = None
    app_secret: SecretSource | None = None
    needs_app_secret: bool = False


async def put(
    change: ConnectionChange,
    by: str,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
    *,
    allow_weak_secrets: bool,
) -> ConnectionSetup:
    """Put the connection in force; what is the same already keeps its version.

    Raises StaleConnectionError, InvalidConnectionError or WeakSecretError.
    """
    before = await uow.channel_connections.lock(change.kind, change.connection)
    _check(precondition, before)
    if not allow_weak_secrets:
        reader = uow.channel_connections.secrets
        _require_strong(change.kind, change.secrets or (), "secret", reader)
        own = () if change.app_secret is None else (change.app_secret,)
        _require_strong(change.kind, own, "app_secret", reader)
    after = plan(before, change, by, uow)
    if after != before:
        await _save(after, uow)
    return after


async def archive(
    kind: str,
    connection: str,
    by: str,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
) -> None:
    """Forget its secrets; its contacts stay. One that is archived stays as it is.

    Raises ConnectionNotFoundError or StaleConnectionError.
    """
    before = await uow.channel_connections.lock(kind, connection)
    if before is None:
        raise ConnectionNotFoundError
    _check(precondition, before)
    if before.is_archived:
        return
    await _save(before.changed(uow.now, by, state="archived", secrets=(), app_secret=None), uow)


def plan(
    before: ConnectionSetup | None, change: ConnectionChange, by: str, uow: UnitOfWork
) -> ConnectionSetup:
    """Return the connection as it will be; `before` itself if nothing changes."""
    secrets = _plan_secrets(before, change, uow)
    kept_state = "active" if before is None or before.is_archived else before.state
    fields: dict[str, Any] = {
        "state": change.state or kept_state,
        "secrets": secrets,
        "app_secret": _plan_app_secret(before, change, uow),
        "options": dict(change.options),
        "expected": change.expected,
    }
    if before is not None:
        return before.changed(uow.now, by, **fields)
    return ConnectionSetup(
        kind=change.kind,
        connection=change.connection,
        version=1,
        changed_at=uow.now,
        changed_by=by,
        **fields,
    )


def _plan_secrets(
    before: ConnectionSetup | None, change: ConnectionChange, uow: UnitOfWork
) -> list[StoredSecret]:
    present = [] if before is None else list(before.secrets)
    if change.state == "archived":
        return []
    if change.secrets is None:
        if before is not None and before.is_unreadable:
            raise InvalidConnectionError("secret", "The stored one can't be read: name it again.")
        if not present:
            raise InvalidConnectionError("secret", "A new connection needs one.")
        return present
    if not change.secrets:
        raise InvalidConnectionError("secret", "There must be one between the commas.")
    if len(change.secrets) > MAX_SECRETS:
        raise InvalidConnectionError("secret", f"There may be {MAX_SECRETS} at once, not more.")
    reader = uow.channel_connections.secrets
    return [_store(source, present, "secret", reader, uow) for source in change.secrets]


def _plan_app_secret(
    before: ConnectionSetup | None, change: ConnectionChange, uow: UnitOfWork
) -> StoredSecret | None:
    present = None if before is None else before.app_secret
    if change.state == "archived":
        return None
    if not change.needs_app_secret:
        if change.app_secret is not None:
            raise InvalidConnectionError("app_secret", "The options name no app that it is of.")
        return None
    if change.app_secret is None:
        if present is None:
            raise InvalidConnectionError("app_secret", "The app that the options name needs one.")
        return present
    reader = uow.channel_connections.secrets
    kept = () if present is None else (present,)
    return _store(change.app_secret, kept, "app_secret", reader, uow)


def _store(
    source: SecretSource | KeptSecret,
    present: Sequence[StoredSecret],
    place: str,
    reader: ConnectionSecrets,
    uow: UnitOfWork,
) -> StoredSecret:
    """Return what is stored of the secret; one that is present already stays as it is."""
    if isinstance(source, KeptSecret):
        if source.place > len(present):
            raise InvalidConnectionError("secrets", f"There is no secret {source.place}.")
        return present[source.place - 1]
    try:
        value = reader.read(source)
    except SecretUnavailableError as error:
        raise InvalidConnectionError(place, str(error)) from error
    for stored in present:
        if stored.origin == source.origin and _is_same(stored, source, reader):
            return stored
    kept = reader.seal(value) if source.origin == "request" else source.value
    return StoredSecret(source.origin, kept, uow.now)


def _is_same(stored: StoredSecret, source: SecretSource, reader: ConnectionSecrets) -> bool:
    if source.origin != "request":
        return stored.value == source.value
    try:
        return reader.read(stored) == source.value
    except SecretUnavailableError:
        return False


def _require_strong(
    kind: str,
    secrets: Sequence[SecretSource | KeptSecret],
    place: str,
    reader: ConnectionSecrets,
) -> None:
    for source in secrets:
        if isinstance(source, KeptSecret):
            continue
        try:
            value = reader.read(source)
        except SecretUnavailableError as error:
            raise InvalidConnectionError(place, str(error)) from error
        for each in separate_secrets(kind, value) or ("",):
            if reason := weakness(each, min_characters=MIN_SECRET_CHARACTERS):
                raise WeakSecretError(place, f"{reason}.")


async def _save(setup: ConnectionSetup, uow: UnitOfWork) -> None:
    await uow.channel_connections.save(setup)
    await silence_watch.watch(setup, uow)


def _check(precondition: Precondition, current: ConnectionSetup | None) -> None:
    """Raise StaleConnectionError if it does not hold; an archived one counts as none."""
    version = None if current is None or current.is_archived else current.version
    if not precondition.holds(version):
        raise StaleConnectionError(version)
