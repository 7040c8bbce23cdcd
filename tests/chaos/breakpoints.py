"""Services that die or freeze at a named breakpoint when a test sets it.

    python -m chaos.breakpoints escalation serve    starts a service without any breakpoint set

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
from common.storage.outbox import Outbox
from common.storage.timers import DueTimer, Timers

DIRECTORY = "CHAOS_BREAKPOINTS"
CLOCK_JUMP = timedelta(hours=1)

Install = Callable[[str], None]
BREAKPOINTS: dict[str, Install] = {}


@dataclass(frozen=True)
class Breakpoints:
    """The breakpoints that are set: a service that reaches one sends itself a signal, once."""

    directory: Path

    def set(self, service: str, name: str, number: signal.Signals) -> Path:
        """Return the file that will name the replica that reached it."""
        breakpoint_ = self._file(service, name)
        _write(breakpoint_, str(int(number)))
        return _hit(breakpoint_)

    def clear(self, service: str, name: str) -> None:
        self._file(service, name).unlink(missing_ok=True)

    def clock_file(self, instance_id: str) -> Path:
        """Return the file whose existence puts the clock of one replica ahead."""
        return self.directory / f"{instance_id}.clock"

    def reached(self, service: str, name: str) -> None:
        breakpoint_ = self._file(service, name)
        if not breakpoint_.exists():
            return
        try:
            number = int(breakpoint_.read_text())
            breakpoint_.unlink()
        except FileNotFoundError:
            return  # another replica was there first
        _write(_hit(breakpoint_), instance_id())
        os.kill(os.getpid(), number)

    def _file(self, service: str, name: str) -> Path:
        return self.directory / f"{service}.{name}"


def _hit(breakpoint_: Path) -> Path:
    return breakpoint_.with_name(f"{breakpoint_.name}.hit")


def instance_id() -> str:
    return os.environ.get("UPSTAIRS_INSTANCE_ID", "")


def _write(path: Path, text: str) -> None:
    """Write atomically: a reader that finds the file finds all of it."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    part.rename(path)


def installs_breakpoint(install: Install) -> Install:
    BREAKPOINTS[install.__name__] = install
    return install


@installs_breakpoint
def before_the_transaction(service: str) -> None:
    handle = Dispatcher.handle

    async def handling(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        _reached(service, "before_the_transaction")
        await handle(self, batch)

    _replace(Dispatcher, "handle", handling)


@installs_breakpoint
def after_the_timers_are_claimed(service: str) -> None:
    claim = Timers.claim

    async def claiming(self: Timers, *values: Any) -> list[DueTimer]:
        due = await claim(self, *values)
        if due:
            _reached(service, "after_the_timers_are_claimed")
        return due

    _replace(Timers, "claim", claiming)


@installs_breakpoint
def before_the_commit(service: str) -> None:
    """All is written and all locks are held, and nothing is committed."""
    flush = Outbox.flush

    async def flushing(self: Outbox) -> None:
        count = len(self)
        await flush(self)
        if count:
            _reached(service, "before_the_commit")

    _replace(Outbox, "flush", flushing)


@installs_breakpoint
def after_the_commit(service: str) -> None:
    """All is committed, but there is no HTTP answer, no offset and no wake-up yet."""
    transaction = Database.transaction

    @asynccontextmanager
    async def transacting(self: Database[Any]) -> AsyncIterator[Any]:
        async with transaction(self) as uow:
            yield uow
        if len(uow.outbox):
            _reached(service, "after_the_commit")

    _replace(Database, "transaction", transacting)


@installs_breakpoint
def before_the_offset_commit(service: str) -> None:
    handle = Dispatcher.handle

    async def handling(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        await handle(self, batch)
        _reached(service, "before_the_offset_commit")

    _replace(Dispatcher, "handle", handling)


@installs_breakpoint
def after_kafka_has_acknowledged(service: str) -> None:
    """The record is in the topic, and its row is still in the outbox."""
    send = AIOKafkaProducer.send_batch

    async def sending(self: AIOKafkaProducer, *values: Any, **named: Any) -> Any:
        acknowledged = await send(self, *values, **named)
        acknowledged.add_done_callback(lambda _: _reached(service, "after_kafka_has_acknowledged"))
        return acknowledged

    _replace(AIOKafkaProducer, "send_batch", sending)


@installs_breakpoint
def after_the_call_is_made(service: str) -> None:
    """The message is delivered, and that is not recorded yet."""
    if service != "notifier":
        return
    slack: Any = import_module("notifier.channels.slack").Slack
    send = slack.send

    async def sending(self: Any, *values: Any) -> Any:
        outcome = await send(self, *values)
        _reached(service, "after_the_call_is_made")
        return outcome

    _replace(slack, "send", sending)


def _reached(service: str, name: str) -> None:
    _breakpoints().reached(service, name)


def _breakpoints() -> Breakpoints:
    return Breakpoints(Path(os.environ[DIRECTORY]))


def _install_clock_jump() -> None:
    wall = TimeSource.utc_now
    ahead = _breakpoints().clock_file(instance_id())

    def jumping(self: TimeSource) -> datetime:
        now = wall(self)
        return now + CLOCK_JUMP if ahead.exists() else now

    _replace(TimeSource, "utc_now", jumping)


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
