"""The settings of every service, read once from the environment, in `main.py`."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args
from urllib.parse import unquote

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    PostgresDsn,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from common.contracts.validation_messages import describe
from common.core.sealed_secrets import EncryptionKeys
from common.core.secret_strength import (
    MIN_CHARACTERS,
    MIN_GIVEN_CHARACTERS,
    split_secrets,
    weakness,
)
from common.http.limits import HttpLimits, TrustedProxies
from common.http.token_issuers import TokenIssuer
from common.messaging.signatures import public_text
from common.service.kafka_settings import KafkaSettings, SigningKeyText
from common.storage.api_keys import ListedKey, parse_key_list
from common.storage.database import POOL_SIZE
from common.storage.database_url import check_tls
from common.storage.dead_letters import DEAD_LETTER_LIMIT

_HTTP_LIMITS = HttpLimits()
# A century: the arithmetic of times has a limit too.
RetentionDays = Annotated[NonNegativeInt, Field(le=36_500)]


_PREFIX = "UPSTAIRS_"
_FILE = "_FILE"
_MAX_SECRET_CHARACTERS = 64 * 1024


def _check_tls(url: PostgresDsn) -> PostgresDsn:
    check_tls(str(url))
    return url


DatabaseUrl = Annotated[PostgresDsn, AfterValidator(_check_tls)]


def _check_networks(networks: str) -> str:
    TrustedProxies(networks)
    return networks


class SigningSecrets(SecretStr):
    """Secrets that are valid at once, separated by commas or lines: the first signs, all verify.

    To change one: put the new one first, and remove the old one when nothing is signed by it.
    """

    @property
    def all(self) -> tuple[str, ...]:
        return split_secrets(self.get_secret_value())


class ApiKeyList(SecretStr):
    """API keys, each `role:subject:key`."""

    @property
    def entries(self) -> tuple[ListedKey, ...]:
        """Return the keys; raises ValueError for a malformed or a repeated one."""
        return parse_key_list(self.get_secret_value())


class ProcessSettings(BaseSettings):
    """Of a process with a database and an HTTP port.

    Variables are named `UPSTAIRS_` and the field, in capitals. A secret, or a URL with a password,
    may be in a file: `UPSTAIRS_DATABASE_URL_FILE` is its path.
    """

    model_config = SettingsConfigDict(env_prefix="UPSTAIRS_", frozen=True, extra="ignore")

    trial: bool = Field(
        default=False, description="start also with weak or published secrets: never in production"
    )

    database_url: DatabaseUrl = Field(
        description="postgresql+asyncpg://role:password@host:port/database, with the serving role; "
        "add `?sslmode=verify-full&sslrootcert=/path/ca.pem` wherever others reach the network"
    )
    migration_url: DatabaseUrl | None = Field(
        default=None,
        description="as `UPSTAIRS_DATABASE_URL`, with the role that owns the tables; `migrate` "
        "needs it, and nothing else reads it: do not give it to a running service",
    )
    database_pool: int = Field(
        default=POOL_SIZE, ge=3, description="connections kept by one process"
    )
    http_host: str = Field(default="127.0.0.1", description="the address to listen on")
    http_port: int = Field(default=8000, description="the port to listen on")
    http_connections: int = Field(
        default=_HTTP_LIMITS.connections,
        ge=1,
        description="open HTTP connections; below the limit of open files",
    )
    http_connections_per_client: int = Field(
        default=_HTTP_LIMITS.connections_per_client,
        ge=1,
        description="open HTTP connections of one address that is no proxy",
    )
    trusted_proxies: Annotated[str, AfterValidator(_check_networks)] = Field(
        default="",
        description="addresses or networks of your reverse proxies, separated by commas: their "
        "`X-Forwarded-For` names the client",
    )
    operations_host: str = Field(
        default="127.0.0.1", description="the address for health, metrics and API reference"
    )
    operations_port: int = Field(
        default=9000, description="the port for health, metrics and API reference"
    )
    retention_days: dict[str, RetentionDays] = Field(
        default={},
        description="days after which rows are deleted, by table, as a JSON object; see Retention",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="the least severe logs to write; `debug` also writes a line for each message "
        "that is handled and each request that is answered",
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="how a log line is written"
    )


class ServiceSettings(ProcessSettings, KafkaSettings):
    """Of a service that exchanges events and has an API."""

    kafka_session_timeout_ms: int = Field(
        default=10_000, ge=1000, description="after it the group replaces a silent member"
    )
    instance_id: str | None = Field(
        default=None,
        description="a name that survives a restart: Kafka then keeps this member's partitions "
        "for it instead of waiting out its session",
    )
    namespace: str = Field(
        default="upstairs", description="first part of the names of topics and consumer groups"
    )
    parts: Literal["all", "http", "workers"] = Field(
        default="all",
        description="what this process runs: `http` answers requests only, so that their load does "
        "not delay the `workers`; run at least one of each",
    )
    api_keys: ApiKeyList = Field(
        default=ApiKeyList(""),
        description="role:subject:key, several separated by commas or lines; at each start they "
        "replace those of the start before, while keys made by command or by API stay",
    )
    token_issuers: tuple[TokenIssuer, ...] = Field(
        default=(),
        description="who may issue tokens for people, as a JSON list: "
        "[tokens of people](../operations.md#tokens-of-people)",
    )
    dead_letter_limit: int = Field(
        default=DEAD_LETTER_LIMIT, ge=1, description="dead letters in a row that halt the consumer"
    )

    @field_validator("token_issuers")
    @classmethod
    def _check_issuers(cls, issuers: tuple[TokenIssuer, ...]) -> tuple[TokenIssuer, ...]:
        if len({issuer.issuer for issuer in issuers}) < len(issuers):
            message = "names an issuer twice"
            raise ValueError(message)
        return issuers

    @field_validator("api_keys")
    @classmethod
    def _check_entries(cls, api_keys: ApiKeyList) -> ApiKeyList:
        api_keys.entries  # noqa: B018 - raises ValueError for a wrong entry
        return api_keys


S = TypeVar("S", bound=BaseSettings)


def read_settings(settings: type[S], **fixed: Any) -> S:
    """Read the environment; `fixed` values replace it.

    Ends the process with exit code 2 and names each wrong variable, without its value: that may be
    a secret.
    """
    try:
        return settings(**{**_read_secret_files(settings), **fixed})
    except (SettingsError, SecretFileError) as error:
        lines = [str(error)]
    except ValidationError as error:
        lines = [
            f"{_place(detail['loc'])}{describe(detail)}"
            for detail in error.errors(include_url=False, include_input=False)
        ]
    raise _refuse(lines)


def require_strong_secrets(settings: ProcessSettings) -> None:
    """End the process with exit code 2 if a secret is weak, unless this is a trial."""
    if settings.trial:
        return
    if lines := list(weak_secrets(settings)):
        raise _refuse([*lines, "UPSTAIRS_TRIAL=true starts it all the same, to try it out."])


def weak_secrets(settings: ProcessSettings) -> Iterator[str]:
    """Yield a line for each weak secret, without any part of it, and for the role of an owner."""
    if settings.migration_url is not None:
        yield f"{_PREFIX}MIGRATION_URL: it is for `migrate`; a service must not have it"
    if any((host["username"] or "").endswith("_owner") for host in settings.database_url.hosts()):
        yield f"{_PREFIX}DATABASE_URL: this role owns the tables; use the one that serves"
    if isinstance(settings, ServiceSettings):
        yield from _published_keys(settings)
    for name in type(settings).model_fields:
        for place, secret, min_characters in _secrets_in(getattr(settings, name)):
            if secret and (reason := weakness(secret, min_characters=min_characters)):
                yield f"{_PREFIX}{name.upper()}{place}: {reason}"


def _published_keys(settings: ServiceSettings) -> Iterator[str]:
    """Yield a line for each public key whose private key anybody may have."""
    for issuer in settings.token_issuers:
        for number, key in enumerate(issuer.public_keys, 1):
            if reason := weakness(key):
                yield f"{_PREFIX}TOKEN_ISSUERS, key {number} of {issuer.issuer}: {reason}"
    for service, keys in settings.event_verification_keys.items():
        for number, key in enumerate(keys, 1):
            if reason := weakness(public_text(key)):
                yield f"{_PREFIX}EVENT_VERIFICATION_KEYS, key {number} of {service}: {reason}"


def _secrets_in(value: object) -> Iterable[tuple[str, str, int]]:
    """Yield each secret in the value of a field, its place, and how long it must be."""
    match value:
        case ApiKeyList():
            for entry in value.entries:
                yield f", key of {entry.role}:{entry.subject}", entry.key, MIN_CHARACTERS
        case SigningSecrets() | EncryptionKeys():
            yield from (
                (f", secret {n}", each, MIN_CHARACTERS) for n, each in enumerate(value.all, 1)
            )
        case SigningKeyText():
            yield from (("", form, MIN_CHARACTERS) for form in value.forms)
        case SecretStr():
            yield "", value.get_secret_value(), MIN_GIVEN_CHARACTERS
        case PostgresDsn():
            for host in value.hosts():
                yield ", password", unquote(host["password"] or ""), MIN_GIVEN_CHARACTERS
        case _:
            pass


class SecretFileError(Exception):
    """A secret can't be read from its file."""


def _read_secret_files(settings: type[BaseSettings]) -> dict[str, str]:
    return {
        name: _read_secret_file(f"{_PREFIX}{name.upper()}", Path(path))
        for name, field in settings.model_fields.items()
        if is_secret(field.annotation)
        and (path := os.environ.get(f"{_PREFIX}{name.upper()}{_FILE}"))
    }


def is_secret(annotation: Any) -> bool:
    """Return whether a field of this type holds a secret, also as a part of a URL."""
    kinds = (annotation, *get_args(annotation))
    return any(isinstance(k, type) and issubclass(k, SecretStr | PostgresDsn) for k in kinds)


def _read_secret_file(variable: str, path: Path) -> str:
    if variable in os.environ:
        message = f"{variable} and {variable}{_FILE} are both set: set one of them."
        raise SecretFileError(message)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            # Bounded, since a wrong path may lead to a device without end.
            secret = file.read(_MAX_SECRET_CHARACTERS + 1).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SecretFileError(f"{variable}{_FILE}: the file can't be read: {reason}") from error
    if not secret.strip():
        # Not as if the variable were absent: the service would run without what it protects.
        raise SecretFileError(f"{variable}{_FILE}: the file is empty.")
    if len(secret) > _MAX_SECRET_CHARACTERS:
        raise SecretFileError(f"{variable}{_FILE}: the file is too large for a secret.")
    return secret


def _refuse(lines: Iterable[str]) -> SystemExit:
    sys.stderr.write("The settings are wrong:\n" + "".join(f"  {line}\n" for line in lines))
    return SystemExit(2)


def _place(location: tuple[int | str, ...]) -> str:
    """Return the variable and the place in its value; nothing if several variables are wrong.

    For example `UPSTAIRS_RETENTION_DAYS, inbox: `.
    """
    if not location:
        return ""
    field, *places = map(str, location)
    return f"UPSTAIRS_{', '.join((field.upper(), *places))}: "
