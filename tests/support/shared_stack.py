"""One PostgreSQL and one Kafka for a whole test run, however many workers it has.

The stack starts when the first test asks for it. With pytest-xdist it belongs to the controller,
which outlives every worker; the workers ask for it at a Unix socket.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import cast

import devstack
from common.core.clock import monotonic
from devstack import Stack
from support import databases, probe
from support.progress import Report

# Generous, for a busy machine.
START_TIMEOUT_S = 600
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own user is made in it
MEMORY_NEEDED = 4 * 2**30


class SharedStackError(Exception):
    """The test run's PostgreSQL and Kafka could not be started."""


class SharedStack:
    """Starts the stack on the first request, and stops it when the run ends.

    Its own thread does both: the servers die with the thread that started them.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._listener = Listener(family="AF_UNIX")
        self._thread = threading.Thread(target=self._serve, name="shared-stack", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return cast("str", self._listener.address)

    def close(self) -> None:
        with Client(self.address) as connection:
            connection.send("stop")
        self._thread.join()

    def _serve(self) -> None:
        answer: Stack | str | None = None
        with self._listener, ExitStack() as running:
            while True:
                with self._listener.accept() as connection:
                    if connection.recv() == "stop":
                        return
                    if answer is None:
                        try:
                            answer = running.enter_context(_started(self._report))
                        except Exception as error:  # noqa: BLE001 - each test that asks fails with it
                            answer = f"{type(error).__name__}: {error}"
                    connection.send(answer)


def request(address: str) -> Stack:
    """Return the stack that the controller runs; the first request starts it."""
    with Client(address) as connection:
        connection.send("start")
        if not connection.poll(START_TIMEOUT_S):
            raise SharedStackError(f"no answer within {START_TIMEOUT_S} s")
        answer = connection.recv()
    if isinstance(answer, str):
        raise SharedStackError(answer)
    return cast("Stack", answer)


@contextmanager
def _started(report: Report) -> Iterator[Stack]:
    begun = monotonic()
    report("starting PostgreSQL and Kafka …")
    with devstack.start(durable=False, root=_directory()) as stack:
        report(f"PostgreSQL and Kafka are ready after {monotonic() - begun:.0f} s ({stack.reason})")
        begun = monotonic()
        report("migrating the template databases …")
        asyncio.run(probe.make_template(databases.Postgres(stack.postgres_admin_url)))
        databases.make_template(databases.Postgres(stack.postgres_admin_url))
        report(f"the template databases are ready after {monotonic() - begun:.0f} s")
        # Without the server handles: only this thread may start and stop the servers.
        yield replace(stack, postgres=None, kafka=None)


def _directory() -> Path | None:
    """Return a directory in memory, or None if there is not enough room.

    Each test's database creates and removes thousands of files, which takes ten times as long on
    ext4.
    """
    try:
        free = os.statvfs(MEMORY)
        if free.f_bavail * free.f_frsize < MEMORY_NEEDED:
            return None
        directory = MEMORY / f"upstairs-tests-{os.getuid()}"
        directory.mkdir(mode=0o711, exist_ok=True)
    except OSError:
        return None
    return directory if directory.stat().st_uid == os.getuid() else None
