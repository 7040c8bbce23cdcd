"""Runs the simulations that managers asked for, one at a time in each process.

A job replays contacts in a process of its own with the lowest priority, so that the live work has
the core first. A worker holds its job by a lease, which each part renews: if the process ends, the
job begins again in another one.
"""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context, parent_process
from typing import Final

import structlog

from common.core.backoff import pause
from common.core.errors import is_transient
from common.storage.connection import Connection
from common.storage.database import Database, driver_connection
from escalation.domain.errors import InvalidSettingError
from escalation.domain.settings.registry import Configuration
from escalation.domain.simulation import Assumptions
from escalation.domain.simulation_comparison import Comparison, compare
from escalation.domain.simulation_job import (
    FAULT,
    INTERRUPTED,
    SimulationFailure,
    SimulationJob,
    invalid_settings,
    with_drafts,
)
from escalation.store.settings import SettingVersions
from escalation.store.simulation import (
    Chunk,
    held_chunks,
    hold_contacts,
    latest_contacts,
    restore_contacts,
)
from escalation.store.unit_of_work import UnitOfWork

_POLL_INTERVAL: Final = timedelta(seconds=1)
# A part takes less than a second; at the lowest priority beside a busy service, some more.
_LEASE: Final = timedelta(seconds=60)
_CONTACTS_PER_PART: Final = 100
# Bounds the share of the database.
_PAUSE_BETWEEN_PARTS: Final = timedelta(milliseconds=50)
_LOWEST_PRIORITY: Final = 19

log = structlog.get_logger()


class JobLostError(Exception):
    """The job was cancelled, or its lease has ended and another worker has it."""


class StoppingError(Exception):
    """The process stops."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What a job replays its contacts under."""

    before: Configuration
    after: Configuration
    until: datetime
    assumptions: Assumptions


class SimulationWorker:
    name = "simulations"

    def __init__(
        self,
        database: Database[UnitOfWork],
        *,
        contacts_per_part: int = _CONTACTS_PER_PART,
        pause_between_parts: timedelta = _PAUSE_BETWEEN_PARTS,
    ) -> None:
        self._database = database
        self._contacts_per_part = contacts_per_part
        self._pause_s = pause_between_parts.total_seconds()

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            has_run = False
            try:
                has_run = await self.run_next(stopping)
            except Exception as error:
                # A failure must not stop the service; the job begins again when its lease ends.
                if is_transient(error):
                    log.warning("simulations_backing_off", error=repr(error))
                else:
                    log.exception("simulations_failed")
            if not has_run:
                await pause(_POLL_INTERVAL.total_seconds(), stopping)

    async def run_next(self, stopping: asyncio.Event) -> bool:
        """Run the oldest job that waits; return whether there was any."""
        async with self._database.transaction() as uow:
            await uow.simulations.fail_exhausted(uow.now, INTERRUPTED)
            job = await uow.simulations.claim(uow.now, _LEASE)
        if job is None:
            return False
        try:
            comparison = await self._compare(job, stopping)
        except JobLostError:
            log.info("simulation_lost", simulation_id=job.simulation_id)
        except StoppingError:
            async with self._database.transaction() as uow:
                await uow.simulations.release(job)
        except InvalidSettingError as error:
            # Valid when it was asked for: other settings have changed since.
            await self._fail(job, invalid_settings(error.errors))
        except Exception as error:
            if is_transient(error):
                raise
            log.exception("simulation_failed", simulation_id=job.simulation_id)
            await self._fail(job, FAULT)
        else:
            async with self._database.transaction() as uow:
                await uow.simulations.finish(job, comparison.result)
        return True

    async def _fail(self, job: SimulationJob, failure: SimulationFailure) -> None:
        async with self._database.transaction() as uow:
            await uow.simulations.fail(job, failure)

    async def _compare(self, job: SimulationJob, stopping: asyncio.Event) -> Comparison:
        """Raises InvalidSettingError, JobLostError or StoppingError."""
        comparison = Comparison()
        async with driver_connection(self._database.engine) as driver:
            connection = Connection(driver)
            total, replay = await self._begin_replay(job, connection)
            await self._save_progress(job, total, 0)
            async for part in self._parts(connection, replay):
                comparison.add(part)
                await self._save_progress(job, total, comparison.before.totals.contacts)
                if await pause(self._pause_s, stopping):
                    raise StoppingError
        return comparison

    async def _begin_replay(self, job: SimulationJob, connection: Connection) -> tuple[int, Replay]:
        """Return how many contacts there are; the session holds them for the parts.

        The transaction ends before the first part: a job may take minutes, and vacuum would wait.
        """
        request = job.request
        async with connection.driver.transaction(isolation="repeatable_read", readonly=True):
            await connection.driver.execute(_LIMITS)
            in_force = (await SettingVersions(connection).in_force()).with_present_duty()
            drafted = with_drafts(in_force, request.drafts).with_present_duty()
            total, since = await latest_contacts(
                connection, request.since, request.until, request.latest_contacts
            )
            await hold_contacts(connection, since, request.until)
        return total, Replay(in_force, drafted, request.until, request.assumptions)

    async def _parts(self, connection: Connection, replay: Replay) -> AsyncIterator[Comparison]:
        loop = asyncio.get_running_loop()
        async with _replay_process(replay) as pool:
            async for chunk in held_chunks(connection, self._contacts_per_part):
                yield await loop.run_in_executor(pool, _compare_chunk, chunk)

    async def _save_progress(self, job: SimulationJob, total: int, processed: int) -> None:
        async with self._database.transaction() as uow:
            ends_at = uow.now + _LEASE
            if not await uow.simulations.save_progress(job, total, processed, ends_at):
                raise JobLostError


# It waits for nothing that the live work holds, and takes no second core of the database.
_LIMITS: Final = """
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL lock_timeout = '1s'
"""


@asynccontextmanager
async def _replay_process(replay: Replay) -> AsyncIterator[ProcessPoolExecutor]:
    # Not a fork, which would inherit the connections.
    pool = ProcessPoolExecutor(
        1,
        mp_context=get_context("forkserver"),
        initializer=_initialize_process,
        initargs=(replay,),
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


# What the process replays under; set once by its initializer.
_replays: list[Replay] = []


def _initialize_process(replay: Replay) -> None:
    _replays.append(replay)
    os.nice(_LOWEST_PRIORITY)
    # The service ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Without it the process would wait for ever for the next part of a service that was killed."""
    if (parent := parent_process()) is not None:
        parent.join()
    os._exit(1)


def _compare_chunk(chunk: Chunk) -> Comparison:
    replay = _replays[-1]
    return compare(
        restore_contacts(chunk), replay.before, replay.after, replay.until, replay.assumptions
    )
