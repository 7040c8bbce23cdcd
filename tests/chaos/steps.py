"""Services that die or freeze at a named step when they are ordered to.

    python -m chaos.steps escalation serve    starts it, sound until an order comes

An order is a file that names the service and the step; the first replica that gets there takes it.
A new step is one function here that puts `obey` where the step ends.
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

ORDERS = "CHAOS_ORDERS"
CLOCK_JUMP = timedelta(hours=1)

Step = Callable[[str], None]
STEPS: dict[str, Step] = {}


@dataclass(frozen=True)
class Orders:
    """Where orders lie: `service` at `step` sends itself a signal, once."""

    directory: Path

    def give(self, service: str, step: str, number: signal.Signals) -> Path:
        """Return the file that will name the replica that obeyed."""
        order = self._order(service, step)
        _write(order, str(int(number)))
        return _taken(order)

    def take_back(self, service: str, step: str) -> None:
        self._order(service, step).unlink(missing_ok=True)

    def clock(self, instance_id: str) -> Path:
        """Return the file whose existence puts the clock of one replica ahead."""
        return self.directory / f"{instance_id}.clock"

    def obey(self, service: str, step: str) -> None:
        order = self._order(service, step)
        if not order.exists():
            return
        try:
            number = int(order.read_text())
            order.unlink()
        except FileNotFoundError:
            return  # another replica was there first
        _write(_taken(order), instance_id())
        os.kill(os.getpid(), number)

    def _order(self, service: str, step: str) -> Path:
        return self.directory / f"{service}.{step}"


def _taken(order: Path) -> Path:
    return order.with_name(f"{order.name}.taken")


def instance_id() -> str:
    return os.environ.get("UPSTAIRS_INSTANCE_ID", "")


def _write(path: Path, words: str) -> None:
    """Write at once: whoever finds the file finds all of it."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(words)
    part.rename(path)


def step(install: Step) -> Step:
    STEPS[install.__name__] = install
    return install


@step
def before_the_transaction(service: str) -> None:
    handle = Dispatcher.handle

    async def handling(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        _obey(service, "before_the_transaction")
        await handle(self, batch)

    _replace(Dispatcher, "handle", handling)


@step
def after_the_timers_are_claimed(service: str) -> None:
    claim = Timers.claim

    async def claiming(self: Timers, *values: Any) -> list[DueTimer]:
        due = await claim(self, *values)
        if due:
            _obey(service, "after_the_timers_are_claimed")
        return due

    _replace(Timers, "claim", claiming)


@step
def before_the_commit(service: str) -> None:
    """With all written, all locks held, and nothing of it done."""
    flush = Outbox.flush

    async def flushing(self: Outbox) -> None:
        count = len(self)
        await flush(self)
        if count:
            _obey(service, "before_the_commit")

    _replace(Outbox, "flush", flushing)


@step
def after_the_commit(service: str) -> None:
    """With all done, and nobody told: no HTTP answer, no offset, no wake-up call."""
    transaction = Database.transaction

    @asynccontextmanager
    async def transacting(self: Database[Any]) -> AsyncIterator[Any]:
        async with transaction(self) as uow:
            yield uow
        if len(uow.outbox):
            _obey(service, "after_the_commit")

    _replace(Database, "transaction", transacting)


@step
def before_the_offset_commit(service: str) -> None:
    handle = Dispatcher.handle

    async def handling(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        await handle(self, batch)
        _obey(service, "before_the_offset_commit")

    _replace(Dispatcher, "handle", handling)


@step
def after_kafka_has_acknowledged(service: str) -> None:
    """With the record in the topic, and its row still in the outbox."""
    send = AIOKafkaProducer.send_batch

    async def sending(self: AIOKafkaProducer, *values: Any, **named: Any) -> Any:
        acknowledged = await send(self, *values, **named)
        acknowledged.add_done_callback(lambda _: _obey(service, "after_kafka_has_acknowledged"))
        return acknowledged

    _replace(AIOKafkaProducer, "send_batch", sending)


@step
def after_the_call_is_made(service: str) -> None:
    """With the message delivered, and nobody has written that down."""
    if service != "notifier":
        return
    slack: Any = import_module("notifier.channels.slack").Slack
    send = slack.send

    async def sending(self: Any, *values: Any) -> Any:
        outcome = await send(self, *values)
        _obey(service, "after_the_call_is_made")
        return outcome

    _replace(slack, "send", sending)


def _obey(service: str, name: str) -> None:
    _orders().obey(service, name)


def _orders() -> Orders:
    return Orders(Path(os.environ[ORDERS]))


def _let_the_clock_jump() -> None:
    wall = TimeSource.utc_now
    sign = _orders().clock(instance_id())

    def jumping(self: TimeSource) -> datetime:
        now = wall(self)
        return now + CLOCK_JUMP if sign.exists() else now

    _replace(TimeSource, "utc_now", jumping)


def _replace(owner: type, name: str, by: object) -> None:
    patch.object(owner, name, by).start()


def main(arguments: Sequence[str]) -> None:
    service = arguments[0]
    for install in STEPS.values():
        install(service)
    _let_the_clock_jump()
    sys.argv = list(arguments)
    import_module(f"{service}.main").cli()


if __name__ == "__main__":
    main(sys.argv[1:])
