"""`simulate`: replays past contacts under draft settings and reports what would have happened.

It reads consumed events in one read-only transaction and replays them on all cores.
"""

import gc
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from common.contracts.validation_messages import describe, place
from common.core.clock import TimeSource
from common.storage.connection import Connection
from escalation.commands.connection import run_query
from escalation.commands.simulation_report import Window, render_json, render_report
from escalation.domain.settings.registry import KINDS, Configuration, Setting
from escalation.domain.settings.validation import validate_setting
from escalation.domain.simulation import Assumptions, Totals, replay
from escalation.store.settings import SettingVersions
from escalation.store.simulation import Chunk, contact_chunks, restore_contacts

# Chunks queued per core: all cores stay busy, and memory stays bounded.
_QUEUED_CHUNKS_PER_CORE = 4

_TYPES_BY_PATH = {kind.path: kind.type for kind in KINDS if kind.simulated}


class InvalidDraftError(Exception):
    """A draft can't be put in force."""


def simulate(
    since: Annotated[datetime, typer.Option(help="contacts received from then on, in UTC")],
    until: Annotated[
        datetime | None, typer.Option(help="only events before then; now if not given")
    ] = None,
    draft: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND/ID=FILE", help="a setting to try, such as sla-policies/gold=x"),
    ] = None,
    answer_after: Annotated[
        float,
        typer.Option(min=0, help="seconds until the first person paged answers; 0: nobody does"),
    ] = 120,
    processes: Annotated[int | None, typer.Option(min=1, help="one per core if not given")] = None,
    *,
    only_drafts: Annotated[
        bool, typer.Option("--only-drafts", help="without the settings in force for comparison")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False,
) -> None:
    """Try drafts on the past: which targets would have been breached, who would have been paged.

    The settings in force are simulated for comparison. Repeated contacts and escalations raised by
    hand are left out, and duty is as scheduled now.
    """
    if only_drafts and not draft:
        raise typer.BadParameter("--only-drafts takes a --draft")
    window = Window(_utc(since), _utc(until) if until else TimeSource().utc_now())
    if window.since >= window.until:
        raise typer.BadParameter("--since must be before --until, which is now if not given")
    assumptions = Assumptions(timedelta(seconds=answer_after) if answer_after else None)

    async def query(connection: Connection) -> dict[str, Totals]:
        in_force = (await SettingVersions(connection).in_force()).with_present_duty()
        configurations = {} if only_drafts else {"in force": in_force}
        if draft:
            configurations["with the drafts"] = with_drafts(in_force, draft)
        totals = await replay_window(
            connection, window, list(configurations.values()), assumptions, processes
        )
        return dict(zip(configurations, totals, strict=True))

    try:
        totals = run_query(query, isolation="REPEATABLE READ")
    except InvalidDraftError as error:
        raise typer.BadParameter(str(error)) from error
    if as_json:
        sys.stdout.buffer.write(render_json(totals) + b"\n")
    else:
        for line in render_report(totals, window, assumptions):
            typer.echo(line)


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def with_drafts(configuration: Configuration, drafts: Sequence[str]) -> Configuration:
    """Add each `kind/id=file` as the setting's next version; raises InvalidDraftError."""
    settings: list[tuple[str, str, Setting]] = []
    for draft in drafts:
        name, equals, path = draft.partition("=")
        kind, slash, setting_id = name.partition("/")
        if not (equals and slash and kind in _TYPES_BY_PATH):
            kinds = ", ".join(_TYPES_BY_PATH)
            raise InvalidDraftError(f"{draft}: give kind/id=file, with a kind of {kinds}")
        body = _read(_TYPES_BY_PATH[kind], path)
        settings.append((name, setting_id, body))
        configuration = configuration.with_next(setting_id, body)
    for name, setting_id, body in settings:
        for error in validate_setting(configuration, setting_id, body):
            raise InvalidDraftError(f"{name}: {error.place}: {error.detail}")
    return configuration


def _read(kind: type[Any], path: str) -> Any:
    try:
        return TypeAdapter(kind).validate_json(Path(path).read_bytes())
    except OSError as error:
        # Without its cause, which would count as a network error.
        raise InvalidDraftError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidDraftError(f"{path}: {place(first)}: {describe(first)}") from error


async def replay_window(
    connection: Connection,
    window: Window,
    configurations: Sequence[Configuration],
    assumptions: Assumptions,
    processes: int | None = None,
) -> list[Totals]:
    """Return the totals of the window's contacts under each of the configurations."""
    totals = [Totals() for _ in configurations]
    # Not a fork, which would inherit the connections.
    with ProcessPoolExecutor(
        processes or os.cpu_count(),
        mp_context=get_context("forkserver"),
        initializer=_initialize_worker,
        initargs=(_Job(configurations, window.until, assumptions),),
    ) as pool:
        queued: list[Future[list[Totals]]] = []
        async for chunk in contact_chunks(connection, window.since, window.until):
            queued.append(pool.submit(_replay_chunk, chunk))
            if len(queued) >= _QUEUED_CHUNKS_PER_CORE * (processes or os.cpu_count() or 1):
                _add(queued.pop(0), totals)
        for future in queued:
            _add(future, totals)
    return totals


def _add(future: "Future[list[Totals]]", totals: Sequence[Totals]) -> None:
    for total, part in zip(totals, future.result(), strict=True):
        total.add(part)


@dataclass(frozen=True, slots=True)
class _Job:
    configurations: Sequence[Configuration]
    until: datetime
    assumptions: Assumptions


# What a worker process replays chunks under; set once by its initializer.
_jobs: list[_Job] = []


def _initialize_worker(job: _Job) -> None:
    _jobs.append(job)
    # A replay leaves no reference cycles behind.
    gc.disable()


def _replay_chunk(chunk: Chunk) -> list[Totals]:
    job = _jobs[-1]
    contacts = restore_contacts(chunk)
    return [
        replay(contacts, configuration, job.until, job.assumptions)
        for configuration in job.configurations
    ]
