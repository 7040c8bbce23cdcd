"""The reference of all settings and metrics, generated from the code of the services."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, Final, Literal

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from common.core.clock import TimeSource
from common.core.health import Health
from common.core.metrics import Metrics
from common.core.sealed_secrets import EncryptionKeys
from common.service.kafka_settings import KafkaSettings
from common.service.process import ProcessSpec
from common.service.retention import Kept, Retention, Rule
from common.service.settings import ProcessSettings, ServiceSettings
from common.service.spec import ServiceSpec
from common.storage.database import Database
from common.storage.engine import make_engine

_PREFIX = "UPSTAIRS_"
_GENERATED = (
    "Generated from the code by `python -m common reference {kind} {services}`: do not edit."
)
_RETENTION = (
    "`UPSTAIRS_RETENTION_DAYS` changes the days of a table, for example "
    '`{"published_events": 90}`; 0 keeps its rows.'
)


def settings_reference(services: Sequence[str]) -> str:
    """Return Markdown: all settings, and how long the rows of each table are kept."""
    lines = [
        "# Settings",
        "",
        _GENERATED.format(kind="settings", services=" ".join(services)),
        "",
        "All settings are environment variables.",
        "",
        "## Every service",
        "",
        *_settings_table(ProcessSettings.model_fields.items()),
        "",
        "## Every service with events",
        "",
        *_settings_table(_fields_beyond(ProcessSettings, ServiceSettings).items()),
    ]
    for service in services:
        own = _fields_beyond(ServiceSettings, _settings(service))
        if own:
            lines += ["", f"## {service}", "", *_settings_table(own.items())]
    lines += [
        "",
        "## Retention",
        "",
        _RETENTION,
    ]
    for service in services:
        rules = build_spec(service).retention_rules
        lines += ["", f"### {service}", "", "| Table | Days | Counted from, or why kept |"]
        lines += ["|---|---|---|", *map(_retention_row, sorted(rules, key=lambda r: r.table))]
    return "\n".join(lines) + "\n"


def metrics_reference(services: Sequence[str]) -> str:
    """Return Markdown: all metrics as Prometheus sees them."""
    lines = ["# Metrics", "", _GENERATED.format(kind="metrics", services=" ".join(services))]
    lines += ["", "## Every service", "", *_metrics_table(Metrics())]
    shared = {collector.describe()[0].name for collector in _collectors(Metrics())}
    for service in services:
        metrics = asyncio.run(_metrics_of(service))
        own = _metrics_table(metrics, without=shared)
        if len(own) > len(_METRICS_HEAD):
            lines += ["", f"## {service}", "", *own]
    return "\n".join(lines) + "\n"


def build_spec(service: str) -> ServiceSpec[Any] | ProcessSpec[Any]:
    """Build a service's spec with example settings; it connects to nothing."""
    spec: ServiceSpec[Any] | ProcessSpec[Any] = import_module(f"{service}.main").build(
        _example(service)
    )
    return spec


def _fields_beyond(
    base: type[ProcessSettings], settings: type[ProcessSettings]
) -> dict[str, FieldInfo]:
    return {
        name: field
        for name, field in settings.model_fields.items()
        if name not in base.model_fields
    }


# Of the right form; it encrypts nothing.
_EXAMPLE_KEY: Final = f"{'E' * 43}="


def _settings(service: str) -> type[ProcessSettings]:
    settings: type[ProcessSettings] = import_module(f"{service}.settings").Settings
    return settings


def _example(service: str) -> ProcessSettings:
    kind = _settings(service)
    secrets = {
        name: _EXAMPLE_KEY if field.annotation is EncryptionKeys else "example"
        for name, field in kind.model_fields.items()
        if isinstance(field.annotation, type)
        and issubclass(field.annotation, SecretStr)
        # For Kafka or a provider of sign-ins a secret alone would not fit together with the rest.
        and name not in KafkaSettings.model_fields
        and not name.startswith("oidc_")
    }
    return kind.model_validate(
        {
            **secrets,
            "api_keys": "",
            "database_url": "postgresql+asyncpg://role@localhost/db",
            "kafka_bootstrap": "localhost",
        }
    )


def _settings_table(fields: Iterable[tuple[str, FieldInfo]]) -> list[str]:
    lines = ["| Variable | Default | Meaning |", "|---|---|---|"]
    for name, field in fields:
        meaning = (field.description or "").replace("|", "\\|")
        choices = getattr(field.annotation, "__args__", ()) if _is_literal(field) else ()
        if choices:
            meaning = f"{meaning} ({', '.join(f'`{choice}`' for choice in choices)})".strip()
        lines.append(f"| `{_PREFIX}{name.upper()}` | {_default(field)} | {meaning} |")
    return lines


def _is_literal(field: FieldInfo) -> bool:
    return getattr(field.annotation, "__origin__", None) is Literal


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, float):
        value = f"{value:g}"
    return f"`{value}`" if value not in (None, "", {}) else "-"


def _retention_row(rule: Rule) -> str:
    match rule:
        case Retention():
            return f"| `{rule.table}` | {rule.days} | `{rule.time_column}` |"
        case Kept():
            return f"| `{rule.table}` | - | {rule.reason} |"


async def _metrics_of(service: str) -> Metrics:
    """Make a service's workers, which register its own metrics, without starting them."""
    spec, metrics = build_spec(service), Metrics()
    engine = make_engine(str(_example(service).database_url))
    database = Database(engine, spec.unit_of_work, TimeSource())
    match spec:
        case ServiceSpec():
            spec.workers(database, metrics, Health())
            spec.http_workers(database, metrics, Health())
        case ProcessSpec():
            spec.make_app(database, metrics)
    await engine.dispose()
    return metrics


_METRICS_HEAD = ("| Metric | Type | Labels | Meaning |", "|---|---|---|---|")


def _metrics_table(metrics: Metrics, without: Iterable[str] = ()) -> list[str]:
    hidden = set(without)
    rows = sorted(
        _metrics_row(collector)
        for collector in _collectors(metrics)
        if collector.describe()[0].name not in hidden
    )
    return [*_METRICS_HEAD, *rows]


def _metrics_row(collector: Any) -> str:
    (family,) = collector.describe()
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in collector._labelnames) or "-"  # noqa: SLF001 - there is no public name
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |"


def _collectors(metrics: Metrics) -> Iterator[Any]:
    yield from set(metrics.registry._collector_to_names)  # noqa: SLF001 - there is no public name
