"""Runs a service that dies or freezes at a named breakpoint when a test sets it.

    python -m chaos.breakpoints escalation serve    starts a service; no breakpoint is set

A breakpoint is set by a file that names the service and the breakpoint; the first replica that
reaches it removes the file. A new breakpoint is one function here that calls `_reached`.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiokafka import AIOKafkaProducer

from common.core.clock import TimeSource
from common.messaging.dispatcher import Dispatcher, Message
from common.storage.database import Database
from common.storage.timers import DueTimer, Timers
from common.storage.uow import UnitOfWork

DIRECTORY = "CHAOS_BREAKPOINTS"
CLOCK_JUMP = timedelta(hours=1)

Install = Callable[[str], None]
BREAKPOINTS: dict[str, Install] = {}


@dataclass(frozen=True)
class Breakpoints:
    """Sets breakpoints: the first replica that reaches one sends itself a signal."""

    directory: Path

    def set(self, service: str, name: str, number: signal.Signals) -> Path:
        """Return the file that will contain the id of the replica that reached it."""
        breakpoint_ = self._file(service, name)
        _write(breakpoint_, str(int(number)))
        return _hit(breakpoint_)

    def clear(self, service: str, name: str) -> None:
        self._file(service, name).unlink(missing_ok=True)

    def clock_file(self, instance_id: str) -> Path:
        """Return the file that puts the clock of one replica ahead while it exists."""
        return self.directory / f"{instance_id}.clock"

    def reached(self, service: str, name: str) -> None:
        breakpoint_ = self._file(service, name)
        if not breakpoint_.exists():
            return
        try:
            number = int(breakpoint_.read_text())
            breakpoint_.unlink()
        except FileNotFoundError:
            return  # another replica reached it first
        _write(_hit(breakpoint_), instance_id())
        os.kill(os.getpid(), number)

    def _file(self, service: str, name: str) -> Path:
        return self.directory / f"{service}.{name}"


def _hit(breakpoint_: Path) -> Path:
    return breakpoint_.with_name(f"{breakpoint_.name}.hit")


def instance_id() -> str:
    return os.environ.get("UPSTAIRS_INSTANCE_ID", "")


def _write(path: Path, text: str) -> None:
    """Write atomically: no reader sees a part of the file."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.rename(path)


def installs_breakpoint(install: Install) -> Install:
    BREAKPOINTS[install.__name__] = install
    return install


@installs_breakpoint
def before_the_transaction(service: str) -> None:
    handle = Dispatcher.handle

    async def reach_and_handle(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        _reached(service, "before_the_transaction")
        await handle(self, batch)

    _replace(Dispatcher, "handle", reach_and_handle)


@installs_breakpoint
def after_the_timers_are_claimed(service: str) -> None:
    claim = Timers.claim

    async def claim_and_reach(self: Timers, *values: Any) -> list[DueTimer]:
        due = await claim(self, *values)
        if due:
            _reached(service, "after_the_timers_are_claimed")
        return due

    _replace(Timers, "claim", claim_and_reach)


@installs_breakpoint
def before_the_commit(service: str) -> None:
    """All rows are written and locked, and nothing is committed."""
    flush = UnitOfWork.flush

    async def flush_and_reach(self: UnitOfWork) -> None:
        await flush(self)
        if len(self.outbox):
            _reached(service, "before_the_commit")

    _replace(UnitOfWork, "flush", flush_and_reach)


@installs_breakpoint
def after_the_commit(service: str) -> None:
    """The transaction is committed; HTTP answer, offset commit and wake-up are still to come."""
    transaction = Database.transaction

    @asynccontextmanager
    async def commit_and_reach(
        self: Database[Any], *values: Any, **options: Any
    ) -> AsyncIterator[Any]:
        async with transaction(self, *values, **options) as uow:
            yield uow
        if len(uow.outbox):
            _reached(service, "after_the_commit")

    _replace(Database, "transaction", commit_and_reach)


@installs_breakpoint
def before_the_offset_commit(service: str) -> None:
    handle = Dispatcher.handle

    async def handle_and_reach(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        await handle(self, batch)
        _reached(service, "before_the_offset_commit")

    _replace(Dispatcher, "handle", handle_and_reach)


@installs_breakpoint
def after_kafka_has_acknowledged(service: str) -> None:
    """The record is in the topic and its row is still in the outbox."""
    send = AIOKafkaProducer.send_batch

    async def send_batch_and_reach(self: AIOKafkaProducer, *values: Any, **options: Any) -> Any:
        acknowledged = await send(self, *values, **options)
        acknowledged.add_done_callback(lambda _: _reached(service, "after_kafka_has_acknowledged"))
        return acknowledged

    _replace(AIOKafkaProducer, "send_batch", send_batch_and_reach)


@installs_breakpoint
def after_the_call_is_made(service: str) -> None:
    """The message is delivered, and the delivery is not recorded yet."""
    if service != "notifier":
        return
    slack: Any = import_module("notifier.channels.slack").Slack
    send = slack.send

    async def send_and_reach(self: Any, *values: Any) -> Any:
        outcome = await send(self, *values)
        _reached(service, "after_the_call_is_made")
        return outcome

    _replace(slack, "send", send_and_reach)


def _reached(service: str, name: str) -> None:
    _breakpoints().reached(service, name)


def _breakpoints() -> Breakpoints:
    return Breakpoints(Path(os.environ[DIRECTORY]))


def _install_clock_jump() -> None:
    utc_now = TimeSource.utc_now
    clock_file = _breakpoints().clock_file(instance_id())

    def utc_now_with_jump(self: TimeSource) -> datetime:
        now = utc_now(self)
        return now + CLOCK_JUMP if clock_file.exists() else now

    _replace(TimeSource, "utc_now", utc_now_with_jump)


def _replace(owner: type, name: str, by: object) -> None:
    patch.object(owner, name, by).start()


def install_all(service: str) -> None:
    for install in BREAKPOINTS.values():
        install(service)
    _install_clock_jump()


def main(arguments: Sequence[str]) -> None:
    service = arguments[0]
    install_all(service)
    sys.argv = list(arguments)
    import_module(f"{service}.main").cli()


if __name__ == "__main__":
    main(sys.argv[1:])
