"""`python -m <service> api-keys add|list|revoke`; it needs the database only.

Exit codes: 0 done; 1 the database is unavailable; 2 wrong usage; 4 there is no such key, or it is
there already.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Final, TypeVar

import orjson
import typer

from common.contracts.event import Role
from common.core import logs
from common.core.secret_strength import weakness
from common.service.command_database import exit_if_unavailable, open_database
from common.service.settings import ServiceSettings, read_settings
from common.storage.api_keys import SCOPES, ApiKey, ApiKeyStore, ListedKey, make_key
from common.storage.uow import UnitOfWork

T = TypeVar("T")

_NOTHING_DONE: Final = 4
_PAGE: Final = 1000

By = Annotated[str, typer.Option(envvar="USER", help="your name, for the record")]
Work = Callable[[UnitOfWork], Awaitable[T]]


def api_key_cli(service: str, settings: type[ServiceSettings]) -> typer.Typer:
    commands = _Commands(service, settings)
    cli = typer.Typer(help="The keys that may call this service.", no_args_is_help=True)
    cli.command("add")(commands.add)
    cli.command("list")(commands.newest)
    cli.command("revoke")(commands.revoke)
    return cli


class _Commands:
    def __init__(self, service: str, settings: type[ServiceSettings]) -> None:
        self._service = service
        self._settings = settings

    def add(
        self,
        role: Role,
        subject: str,
        *,
        read_only: Annotated[bool, typer.Option("--read-only", help="it changes nothing")] = False,
        days: Annotated[int | None, typer.Option(min=1, help="until it expires")] = None,
        stdin: Annotated[
            bool, typer.Option("--stdin", help="read the key, to use one for several services")
        ] = False,
        by: By = "unknown",
    ) -> None:
        """Make a key and print it: it is stored nowhere. It is valid at once."""
        settings = self._read()
        key = _read_key(trial=settings.trial) if stdin else make_key()

        async def work(uow: UnitOfWork) -> ApiKey | None:
            return await ApiKeyStore(uow.connection).add(
                ListedKey(role, subject, key),
                scopes=("read",) if read_only else SCOPES,
                origin="command",
                by=f"cli:{by}",
                now=uow.now,
                expires_at=None if days is None else uow.now + timedelta(days=days),
            )

        if self._run(settings, work) is None:
            typer.echo("This service has this key, or a key of the same id, already.", err=True)
            raise typer.Exit(_NOTHING_DONE)
        if not stdin:
            typer.echo(key)

    def newest(self) -> None:
        """List the keys, newest first, one JSON document a line."""

        async def work(uow: UnitOfWork) -> list[ApiKey]:
            store, keys = ApiKeyStore(uow.connection), list[ApiKey]()
            after: tuple[datetime, str] | None = None
            while page := await store.newest(before=after, limit=_PAGE):
                keys += page
                after = page[-1].created_at, page[-1].key_id
            return keys

        for key in self._run(self._read(), work):
            typer.echo(orjson.dumps(asdict(key)).decode())

    def revoke(
        self,
        key_id: Annotated[str, typer.Argument(metavar="ID", help="the id in `ups_<id>_…`")],
        *,
        by: By = "unknown",
    ) -> None:
        """Revoke a key for good, also if the settings list it. It takes seconds."""

        async def work(uow: UnitOfWork) -> ApiKey | None:
            return await ApiKeyStore(uow.connection).revoke(key_id, by=f"cli:{by}", now=uow.now)

        if self._run(self._read(), work) is None:
            typer.echo(f"There is no key {key_id} in this service.", err=True)
            raise typer.Exit(_NOTHING_DONE)

    def _read(self) -> ServiceSettings:
        return read_settings(self._settings, kafka_bootstrap="unused")

    def _run(self, settings: ServiceSettings, work: Work[T]) -> T:
        logs.to_stderr()
        return asyncio.run(_in_transaction(settings, self._service, work))


def _read_key(*, trial: bool) -> str:
    key = sys.stdin.read().strip()
    reason = None if trial else weakness(key)
    if not key or reason:
        raise typer.BadParameter(f"the key is refused: {reason or 'it is empty'}")
    return key


async def _in_transaction(settings: ServiceSettings, service: str, work: Work[T]) -> T:
    with exit_if_unavailable():
        async with (
            open_database(settings, service, UnitOfWork) as database,
            database.transaction() as uow,
        ):
            return await work(uow)
