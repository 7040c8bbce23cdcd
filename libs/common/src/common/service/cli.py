"""The command line of every service.

`python -m <service> serve|migrate`, and `openapi|dead-letters|api-keys` of one with events.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import orjson
import typer
from fastapi import FastAPI

from common.core.clock import TimeSource
from common.core.metrics import Metrics
from common.service.api_key_cli import api_key_cli
from common.service.dead_letter_cli import dead_letter_cli
from common.service.kafka_settings import SignatureSettingsError
from common.service.settings import (
    ProcessSettings,
    ServiceSettings,
    read_settings,
    require_strong_secrets,
)
from common.service.spec import ServiceSpec, application, serve
from common.storage.database import Database
from common.storage.engine import make_engine

if TYPE_CHECKING:
    from common.storage.migrations import Phase

_UNUSED_URL = "postgresql+asyncpg://unused@localhost/unused"
_WRONG_SETTINGS: Final = 2


S = TypeVar("S", bound=ProcessSettings)


def process_cli(
    name: str, settings: type[S], run: Callable[[S], Coroutine[Any, Any, None]]
) -> typer.Typer:
    """Make the commands `serve`, which checks the settings and runs, and `migrate`."""
    cli = typer.Typer(help=f"Upstairs {name}", no_args_is_help=True, add_completion=False)

    @cli.command("serve")
    def _serve() -> None:
        """Run the service until SIGTERM."""
        read = read_settings(settings)
        require_strong_secrets(read)
        running = run(read)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(running)

    @cli.command("migrate")
    def _migrate(
        phase: Annotated[
            str,
            typer.Option(help="pre: stop before migrations that wait for the end of the rollout"),
        ] = "all",
        *,
        sql: Annotated[
            bool, typer.Option("--sql", help="print the SQL of all migrations and run nothing")
        ] = False,
    ) -> None:
        """Bring the service's schema up to date."""
        # Imported only here: Alembic would take 7 MB of each process that serves.
        migrations = import_module("common.storage.migrations")
        if sql:
            typer.echo(migrations.render_sql(name))
            return
        if phase not in ("pre", "all"):
            message = "--phase takes pre or all"
            raise typer.BadParameter(message)
        chosen: Phase = "pre" if phase == "pre" else "all"
        # It needs no other setting.
        read = read_settings(ProcessSettings, database_url=_UNUSED_URL)
        if read.migration_url is None:
            typer.echo("Set UPSTAIRS_MIGRATION_URL: the role that owns the tables.", err=True)
            raise typer.Exit(2)
        migrations.migrate(name, str(read.migration_url), chosen)

    return cli


def service_cli(
    name: str, settings: type[ServiceSettings], build: Callable[[Any], ServiceSpec[Any]]
) -> typer.Typer:
    def run(read: ServiceSettings) -> Coroutine[Any, Any, None]:
        _check_signing(name, read)
        return serve(build(read), read)

    cli = process_cli(name, settings, run)

    @cli.command("openapi")
    def _openapi() -> None:
        """Print the OpenAPI document."""
        sys.stdout.buffer.write(
            orjson.dumps(openapi(settings, build), option=orjson.OPT_INDENT_2) + b"\n"
        )

    cli.add_typer(dead_letter_cli(settings, build), name="dead-letters")
    cli.add_typer(api_key_cli(name, settings), name="api-keys")
    return cli


def _check_signing(service: str, settings: ServiceSettings) -> None:
    """End the process if it publishes and the others would not believe it."""
    if settings.parts == "http":
        return
    try:
        settings.check_signing(service)
    except SignatureSettingsError as error:
        typer.echo(f"The settings are wrong:\n  {error}", err=True)
        raise typer.Exit(_WRONG_SETTINGS) from error


def openapi(
    settings: type[ServiceSettings], build: Callable[[Any], ServiceSpec[Any]]
) -> dict[str, Any]:
    """Describe a service's HTTP API without any database or broker."""
    return unconnected_app(settings, build).openapi()


def unconnected_app(
    settings: type[ServiceSettings], build: Callable[[Any], ServiceSpec[Any]]
) -> FastAPI:
    """Make a service's app without any database or broker: it can be described, not called."""
    example = settings.model_validate({"database_url": _UNUSED_URL, "kafka_bootstrap": "unused"})
    made = build(example)
    engine = make_engine(str(example.database_url))
    database = Database(engine, made.unit_of_work, TimeSource())
    return application(made, example, database, Metrics())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none for Windows

    return uvloop.new_event_loop
