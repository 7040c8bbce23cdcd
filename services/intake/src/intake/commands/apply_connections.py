"""`apply`: connects outside systems as YAML files say; it needs the database only.

Each file has one connection. All are checked before anything is changed, and all are put in force
together. A connection without a file stays as it is.

Exit codes: 0 done, or nothing to do; 1 the database is unavailable; 2 wrong usage; 3 a file is
wrong, nothing is changed; 4 `--dry-run` found differences.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final, Self

import orjson
import typer
from pydantic import Field, ValidationError, model_validator

from common.contracts.validation_messages import summarize
from common.core import logs
from common.http.app import Slug
from common.service.command_database import exit_if_unavailable
from common.storage.database import Database
from intake.channels.base import Channel
from intake.channels.registry import CHANNELS
from intake.commands.database import open_database
from intake.connections.changes import ConnectionChange, put
from intake.connections.documents import ConnectionFields
from intake.domain.connections import ConnectionSetup, StoredSecret
from intake.domain.errors import InvalidConnectionError
from intake.domain.model import ConnectionState
from intake.store import UnitOfWork

_WRONG_FILE: Final = 3
_DIFFERENT: Final = 4
_BY: Final = "admin:command-line"
_SUFFIXES: Final = (".yaml", ".yml")
_MAX_FILE_CHARACTERS: Final = 200_000
_ORIGINS: Final = {"request": "stored", "variable": "from_env", "file": "from_file"}


class ConnectionFile(ConnectionFields):
    """A connection as a file has it: a file holds no secret."""

    kind: Slug
    connection: Slug
    state: ConnectionState | None = Field(default=None)

    @model_validator(mode="after")
    def _require_no_secret(self) -> Self:
        own = () if self.app_secret is None else (self.app_secret,)
        sources = (*(self.secrets or ()), *own)
        if any((secret.from_env or secret.from_file) is None for secret in sources):
            raise ValueError("must name secrets by from_env or from_file: a file holds none")
        return self


class WrongFilesError(Exception):
    """Some files are wrong; `lines` say which and why."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__(self.__doc__)
        self.lines = lines


class _NoYamlError(Exception):
    """The text of a file is not YAML, or has a value that is none."""


class _DryRunError(Exception):
    """Ends the transaction of a dry run."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a file changes; None before: the connection is new."""

    before: ConnectionSetup | None
    after: ConnectionSetup

    def lines(self) -> Iterator[str]:
        name = f"{self.after.kind}/{self.after.connection}"
        if self.before == self.after:
            yield f"= {name}"
            return
        yield f"~ {name}" if self.before else f"+ {name}"
        earlier = _fields(self.before) if self.before else {}
        later = _fields(self.after)
        for field in sorted(earlier.keys() | later.keys()):
            was, will_be = earlier.get(field, "-"), later.get(field, "-")
            if was != will_be:
                yield (
                    f"    {field}: {was} -> {will_be}" if self.before else f"    {field}: {will_be}"
                )


def apply_connections(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", exists=True, file_okay=False, help="with *.yaml files"),
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the differences and change nothing")
    ] = False,
) -> None:
    """Connect outside systems as the files of a directory say."""
    logs.to_stderr()
    try:
        changes = read_changes(directory, CHANNELS)
        with exit_if_unavailable():
            differences = asyncio.run(_apply(changes, dry_run=dry_run))
    except WrongFilesError as error:
        for line in error.lines:
            typer.echo(line, err=True)
        typer.echo("nothing is changed", err=True)
        raise typer.Exit(_WRONG_FILE) from error
    for difference in differences:
        for line in difference.lines():
            typer.echo(line)
    changed = sum(each.before != each.after for each in differences)
    typer.echo(f"{'would change' if dry_run else 'changed'}: {changed} of {len(differences)}")
    if dry_run and changed:
        raise typer.Exit(_DIFFERENT)


async def _apply(changes: Mapping[str, ConnectionChange], *, dry_run: bool) -> list[Difference]:
    async with open_database() as (database, settings):
        return await apply_changes(
            changes, database, dry_run=dry_run, allow_weak_secrets=settings.trial
        )


def read_changes(directory: Path, channels: Mapping[str, Channel]) -> dict[str, ConnectionChange]:
    """Return what the files say, by file; raises WrongFilesError with all that is wrong."""
    changes: dict[str, ConnectionChange] = {}
    wrong: list[str] = []
    files: dict[tuple[str, str], str] = {}
    for path in sorted(path for path in directory.iterdir() if path.suffix in _SUFFIXES):
        try:
            change = _read_file(path, channels)
        except ValidationError as error:
            wrong.append(f"{path.name}: {summarize(error, 'the file')}")
        except (OSError, _NoYamlError) as error:
            wrong.append(f"{path.name}: it is no YAML file: {_first_line(error)}")
        except InvalidConnectionError as error:
            wrong.append(f"{path.name}: {error.place}: {error}")
        else:
            first = files.setdefault((change.kind, change.connection), path.name)
            if first != path.name:
                wrong.append(f"{path.name}: it is the same connection as in {first}")
            changes[path.name] = change
    if wrong:
        raise WrongFilesError(wrong)
    return changes


async def apply_changes(
    changes: Mapping[str, ConnectionChange],
    database: Database[UnitOfWork],
    *,
    dry_run: bool,
    allow_weak_secrets: bool,
) -> list[Difference]:
    """Put all in force in one transaction; raises WrongFilesError, and then nothing is changed."""
    differences: list[Difference] = []
    wrong: list[str] = []
    # Everywhere in one order, so that two transactions do not deadlock.
    ordered = sorted(changes.items(), key=lambda each: (each[1].kind, each[1].connection))
    with suppress(_DryRunError):
        async with database.transaction() as uow:
            for name, change in ordered:
                before = await uow.channel_connections.lock(change.kind, change.connection)
                if before is None and change.state == "archived":
                    continue
                try:
                    after = await put(change, _BY, uow, allow_weak_secrets=allow_weak_secrets)
                except InvalidConnectionError as error:
                    wrong.append(f"{name}: {error.place}: {error}")
                else:
                    differences.append(Difference(before, after))
            if wrong:
                raise WrongFilesError(wrong)
            if dry_run:
                raise _DryRunError
    return differences


def _read_file(path: Path, channels: Mapping[str, Channel]) -> ConnectionChange:
    file = ConnectionFile.model_validate(_read_yaml(path))
    channel = channels.get(file.kind)
    if channel is None:
        kinds = ", ".join(sorted(channels))
        raise InvalidConnectionError(
            "kind", f"There is no kind {file.kind}. The kinds are: {kinds}."
        )
    return file.change(channel, file.connection, file.state)


def _read_yaml(path: Path) -> Any:
    """Raises OSError or _NoYamlError."""
    # Imported only here: it would take a megabyte of each process that serves.
    yaml = import_module("yaml")
    # To open a pipe waits for who writes to it.
    if path.exists() and not path.is_file():
        raise _NoYamlError("it is no regular file")
    try:
        with path.open(encoding="utf-8") as file:
            content = file.read(_MAX_FILE_CHARACTERS + 1)
        if len(content) > _MAX_FILE_CHARACTERS:
            raise _NoYamlError(f"it has more than {_MAX_FILE_CHARACTERS} characters")
        return yaml.safe_load(content)
    except RecursionError as error:
        raise _NoYamlError("it has too many levels") from error
    # PyYAML reads dates and numbers without looking whether they are any.
    except (ValueError, LookupError, AttributeError, yaml.YAMLError) as error:
        raise _NoYamlError(str(error)) from error


def _fields(setup: ConnectionSetup) -> dict[str, str]:
    """Return what a person compares, without any secret."""
    options = {f"options.{name}": _text(value) for name, value in setup.options.items()}
    return {
        **options,
        "state": setup.state,
        "expected": _text(setup.expected),
        "secrets": ", ".join(map(_secret_text, setup.secrets)) or "none",
        **({"app_secret": _secret_text(setup.app_secret)} if setup.app_secret else {}),
    }


def _secret_text(secret: StoredSecret) -> str:
    origin = _ORIGINS[secret.origin]
    return origin if secret.origin == "request" else f"{origin} {secret.value}"


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
