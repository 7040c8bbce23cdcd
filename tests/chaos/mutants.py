"""Services with one line broken that matters, to prove that the checker would see it.

    python -m chaos.mutants                       lists them
    python -m chaos.mutants NAME escalation serve   starts a service as NAME has it

What is broken shows only when the process dies at a certain step. So it kills itself there, once:
a file in MUTANT_MARKS says that it has. Each place to die has a control, which dies and is sound.
A new mutant is one function here, decorated with the service, the place, and what must be seen.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from aiokafka import TopicPartition

from common.consumer import Consumer
from common.contracts.contacts import SupervisorRequested
from common.dispatcher import Dispatcher, Message
from common.uow import UnitOfWork

MARKS = "MUTANT_MARKS"

Breakage = Callable[[], None]


@dataclass(frozen=True)
class Mutant:
    """`service` dies by `death`; `seen_as` is the invariant and the finding that name `breakage`.

    A control has no breakage, and nothing is to be seen.
    """

    name: str
    service: str
    death: Callable[[], None]
    breakage: Breakage | None = None
    seen_as: tuple[int, str] | None = None

    def infect(self) -> None:
        if self.breakage is not None:
            self.breakage()
        self.death()

    def has_died(self, marks: Path) -> bool:
        return _mark(marks).exists()


MUTANTS: dict[str, Mutant] = {}


def mutant(
    service: str, death: Callable[[], None], number: int, told: str
) -> Callable[[Breakage], Breakage]:
    def register(breakage: Breakage) -> Breakage:
        name = breakage.__name__
        MUTANTS[name] = Mutant(name, service, death, breakage, (number, told))
        return breakage

    return register


def control(service: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def register(death: Callable[[], None]) -> Callable[[], None]:
        MUTANTS[death.__name__] = Mutant(death.__name__, service, death)
        return death

    return register


@control("escalation")
def dies_before_the_transaction() -> None:
    handle = Dispatcher.handle

    async def dying(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        if _has_a_plea(batch):
            _die_once()
        await handle(self, batch)

    _replace(Dispatcher, "handle", dying)


@control("escalation")
def dies_before_the_offset_commit() -> None:
    handle = Dispatcher.handle

    async def dying(self: Dispatcher[Any], batch: Sequence[Message]) -> None:
        await handle(self, batch)
        if _has_a_plea(batch):
            _die_once()

    _replace(Dispatcher, "handle", dying)


@mutant("escalation", dies_before_the_transaction, 5, "never handled, and its offset is committed")
def offset_is_committed_first() -> None:
    take = Consumer._take

    async def hasty(self: Consumer[Any], polled: Mapping[TopicPartition, Sequence[Any]]) -> None:
        await self._kafka.commit({one: records[-1].offset + 1 for one, records in polled.items()})
        await take(self, polled)

    _replace(Consumer, "_take", hasty)


@mutant("escalation", dies_before_the_offset_commit, 5, "handled twice")
def inbox_is_not_asked() -> None:
    async def trusting(
        _self: Dispatcher[Any], _uow: UnitOfWork, messages: Sequence[Message]
    ) -> list[Message]:
        return list(messages)

    _replace(Dispatcher, "claim", trusting)


@mutant("escalation", dies_before_the_offset_commit, 5, "handled twice")
def inbox_is_asked_and_not_heeded() -> None:
    claim = Dispatcher.claim

    async def deaf(
        self: Dispatcher[Any], uow: UnitOfWork, messages: Sequence[Message]
    ) -> list[Message]:
        await claim(self, uow, messages)
        return list(messages)

    _replace(Dispatcher, "claim", deaf)


def _has_a_plea(batch: Sequence[Message]) -> bool:
    """To raise is what shows when it is done twice: the state alone does not stop it."""
    return any(isinstance(message.body, SupervisorRequested) for message in batch)


def _die_once() -> None:
    mark = _mark(Path(os.environ[MARKS]))
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _mark(marks: Path) -> Path:
    return marks / "died"


def _replace(owner: type, name: str, by: object) -> None:
    patch.object(owner, name, by).start()


def main(arguments: Sequence[str]) -> None:
    if not arguments:
        for one in MUTANTS.values():
            sys.stdout.write(f"{one.name:<32}{one.service:<12}{one.seen_as or 'control'}\n")
        return
    name, service, *rest = arguments
    if MUTANTS[name].service == service:
        MUTANTS[name].infect()
    sys.argv = [service, *rest]
    import_module(f"{service}.main").cli()


if __name__ == "__main__":
    main(sys.argv[1:])
