"""Secrets of connections: encrypted in the database, or in the environment or files of intake.

A manager names a variable or a file; only those that the operator allows are read.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from common.core.errors import PermanentError
from common.core.sealed_secrets import SecretBox, UnknownEncryptionKeyError
from common.core.secret_strength import split_secrets
from intake.domain.connections import SecretSource, StoredSecret
from intake.settings import Settings, split_list

# Connections of one process whose secrets it keeps in memory.
_KEPT_SECRETS: Final = 1000
_MAX_BYTES: Final = 4096
_PREFIX_MARK: Final = "*"


class SecretUnavailableError(PermanentError):
    """A secret of a connection can't be read."""


@dataclass(frozen=True, slots=True)
class SecretPlaces:
    """The variables and directories that connections may name; a `*` ends a prefix of names."""

    variables: Sequence[str] = ()
    directories: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def read_variable(self, name: str) -> str:
        """Raise SecretUnavailableError if it is not allowed or not set."""
        if not any(_is_named(name, allowed) for allowed in self.variables):
            raise SecretUnavailableError(
                f"The variable {name} is not among UPSTAIRS_SECRET_VARIABLES."
            )
        if not (secret := self.environment.get(name, "").strip()):
            raise SecretUnavailableError(f"The variable {name} is not set.")
        return secret

    def resolve_file(self, path: str) -> Path:
        """Return where the file is, links followed; raises SecretUnavailableError."""
        resolved = Path(os.path.realpath(path))
        allowed = (os.path.realpath(directory) for directory in self.directories)
        if not any(resolved.is_relative_to(directory) for directory in allowed):
            raise SecretUnavailableError(
                f"The file {path} is in no directory of UPSTAIRS_SECRET_DIRECTORIES."
            )
        return resolved


class ConnectionSecrets:
    """Encrypts and reads secrets; without keys, those in variables and files only."""

    def __init__(self, box: SecretBox | None = None, places: SecretPlaces | None = None) -> None:
        self._box = box
        self._places = places or SecretPlaces()
        # By the encrypted text: to decrypt costs more than the rest of the look-up.
        self._open = lru_cache(_KEPT_SECRETS)(self._decrypt)
        self._files: dict[str, tuple[tuple[int, ...], str]] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> "ConnectionSecrets":
        keys = settings.encryption_keys
        places = SecretPlaces(
            split_list(settings.secret_variables), split_list(settings.secret_directories)
        )
        return cls(keys.secret_box() if keys.all else None, places)

    def seal(self, secret: str) -> str:
        return self._box_or_raise().seal(secret)

    def reseal(self, stored: StoredSecret) -> StoredSecret:
        """Encrypt it with the first key, if it is stored here; raises SecretUnavailableError."""
        if stored.origin != "request":
            return stored
        try:
            sealed = self._box_or_raise().reseal(stored.value)
        except UnknownEncryptionKeyError as error:
            raise SecretUnavailableError(str(error.__doc__)) from error
        return StoredSecret(stored.origin, sealed, stored.since)

    def read(self, secret: StoredSecret | SecretSource) -> str:
        """Return the secret, or two with a comma; raises SecretUnavailableError."""
        match secret.origin:
            case "variable":
                return self._places.read_variable(secret.value)
            case "file":
                return self._read_file(secret.value)
            case "request":
                return (
                    self._open(secret.value) if isinstance(secret, StoredSecret) else secret.value
                )

    def read_all(self, secrets: Sequence[StoredSecret]) -> tuple[str, ...]:
        """Return those that can be read, as given; raises SecretUnavailableError if none can."""
        read: list[str] = []
        failures: list[SecretUnavailableError] = []
        for secret in secrets:
            try:
                read.append(self.read(secret))
            except SecretUnavailableError as error:
                failures.append(error)
        if not any(map(split_secrets, read)):
            raise failures[0] if failures else SecretUnavailableError("There is no secret.")
        return tuple(read)

    def _box_or_raise(self) -> SecretBox:
        if self._box is None:
            raise SecretUnavailableError("UPSTAIRS_ENCRYPTION_KEYS is not set.")
        return self._box

    def _decrypt(self, sealed: str) -> str:
        try:
            return self._box_or_raise().open(sealed)
        except UnknownEncryptionKeyError as error:
            raise SecretUnavailableError(str(error.__doc__)) from error

    def _read_file(self, path: str) -> str:
        """Read the file if it has changed since it was read last."""
        try:
            cached = self._files.get(path)
            if cached is None:
                # Before anything says whether there is such a file.
                self._places.resolve_file(path)
            signature = _signature(path)
            if cached is not None and cached[0] == signature:
                return cached[1]
            secret = _read_text(self._places.resolve_file(path))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise SecretUnavailableError(f"The file {path} can't be read: {reason}.") from error
        if not secret:
            raise SecretUnavailableError(f"The file {path} is empty.")
        if len(self._files) >= _KEPT_SECRETS:
            self._files.clear()
        self._files[path] = signature, secret
        return secret


def _is_named(name: str, allowed: str) -> bool:
    if allowed.endswith(_PREFIX_MARK):
        return name.startswith(allowed.removesuffix(_PREFIX_MARK))
    return name == allowed


def _signature(path: str) -> tuple[int, ...]:
    """Return what changes with the file, also with a link that leads to another one."""
    status = Path(path).stat()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


def _read_text(path: Path) -> str:
    # A pipe or a device may have no end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise SecretUnavailableError(f"{path} is no file.")
    with path.open(encoding="utf-8-sig") as file:
        text = file.read(_MAX_BYTES + 1).strip()
    if len(text) > _MAX_BYTES:
        raise SecretUnavailableError(f"The file {path} is too large for a secret.")
    return text
