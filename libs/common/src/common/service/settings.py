"""The settings of every service, read once from the environment, in `main.py`."""

import sys
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, NonNegativeInt, PostgresDsn, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsError

from common.http.limits import TrustedProxies
from common.service.kafka_settings import KafkaSettings
from common.storage.engine import check_tls

# A century: the arithmetic of times has a limit too.
RetentionDays = Annotated[NonNegativeInt, Field(le=36_500)]


def _check_tls(url: PostgresDsn) -> PostgresDsn:
    check_tls(str(url))
    return url


def _check_networks(networks: str) -> str:
    TrustedProxies(networks)
    return networks


class ServiceSettings(KafkaSettings):
    """Variables are named `UPSTAIRS_` and the field, in capitals."""

    database_url: Annotated[PostgresDsn, AfterValidator(_check_tls)] = Field(
        description="postgresql+asyncpg://role:password@host:port/database; add "
        "`?sslmode=verify-full&sslrootcert=/path/ca.pem` wherever others reach the network"
    )
    database_pool: int = Field(default=10, ge=3, description="connections kept by one process")
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
    http_host: str = Field(default="127.0.0.1", description="the address to listen on")
    http_port: int = Field(default=8000, description="the port to listen on")
    http_connections: int = Field(
        default=800, ge=1, description="open HTTP connections; below the limit of open files"
    )
    http_connections_per_client: int = Field(
        default=100, ge=1, description="open HTTP connections of one address that is no proxy"
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
    parts: Literal["all", "http", "workers"] = Field(
        default="all",
        description="what this process runs: `http` answers requests only, so that their load does "
        "not delay the `workers`; run at least one of each",
    )
    api_keys: SecretStr = Field(
        default=SecretStr(""), description="role:subject:key, several separated by commas"
    )
    dead_letter_limit: int = Field(
        default=20, ge=1, description="dead letters in a row that halt the consumer"
    )
    retention_days: dict[str, RetentionDays] = Field(
        default={},
        description="days after which rows are deleted, by table, as a JSON object; see Retention",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least severe logs to write"
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="how a log line is written"
    )


S = TypeVar("S", bound=BaseSettings)


def read_settings(settings: type[S], **fixed: Any) -> S:
    """Read the environment; `fixed` values replace it.

    Ends the process with exit code 2 and names each wrong variable, without its value: that may be
    a secret.
    """
    try:
        return settings(**fixed)
    except SettingsError as error:
        lines = [str(error)]
    except ValidationError as error:
        lines = [
            f"{_place(detail['loc'])}{detail['msg'].removeprefix('Value error, ')}"
            for detail in error.errors(include_url=False, include_input=False)
        ]
    sys.stderr.write("The settings are wrong:\n" + "".join(f"  {line}\n" for line in lines))
    raise SystemExit(2)


def _place(location: tuple[int | str, ...]) -> str:
    """Return the variable and the place in its value; nothing if several variables are wrong.

    For example `UPSTAIRS_RETENTION_DAYS, inbox: `.
    """
    if not location:
        return ""
    field, *places = map(str, location)
    return f"UPSTAIRS_{', '.join((field.upper(), *places))}: "
