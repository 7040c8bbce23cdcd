"""What a mutant is, and how it is registered."""

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from chaos.mutants.scenarios import Scenario

MARKS = "MUTANT_MARKS"

Change = Callable[[], None]


@dataclass(frozen=True)
class Mutant:
    """A service with `changes`, and the violation that the checker must report.

    `expected_violation` is the number of the invariant and the checker's message. A control is its
    own control and expects no violation. Only the full run includes mutants that are not `brief`.
    """

    name: str
    group: str
    service: str
    scenario: Scenario
    dies: bool
    changes: Sequence[Change]
    control: str
    expected_violation: tuple[int, str] | None = None
    brief: bool = True

    @property
    def is_control(self) -> bool:
        return self.expected_violation is None

    def install(self) -> None:
        for change in self.changes:
            change()


MUTANTS: dict[str, Mutant] = {}


def control(
    service: str, scenario: Scenario, *, dies: bool = False, brief: bool = True
) -> Callable[[Change], Mutant]:
    """Register what happens to an unbroken service; with `dies` it kills itself once."""

    def register(change: Change) -> Mutant:
        name, group = change.__name__, change.__module__
        registered = Mutant(
            name, group, service, scenario, dies, (change,), control=name, brief=brief
        )
        MUTANTS[name] = registered
        return registered

    return register


def mutant(
    base: Mutant, invariant: int, message: str, *, brief: bool = True
) -> Callable[[Change], Mutant]:
    """Register a breakage; `base` is its control."""

    def register(change: Change) -> Mutant:
        name = change.__name__
        registered = Mutant(
            name,
            base.group,
            base.service,
            base.scenario,
            base.dies,
            # The breakage first: what the control does then happens to the broken service.
            (change, *base.changes),
            control=base.name,
            expected_violation=(invariant, message),
            brief=brief,
        )
        MUTANTS[name] = registered
        return registered

    return register


def replace(owner: object, name: str, by: object) -> None:
    patch.object(owner, name, by).start()


def die_once() -> None:
    mark = death_mark(Path(os.environ[MARKS]))
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def death_mark(marks: Path) -> Path:
    """Return the file that exists once the mutant has killed itself."""
    return marks / "died"
