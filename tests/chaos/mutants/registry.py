"""What a mutant is, and how one is enlisted."""

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
    """A service that `change` is made to under its `control`, and what is then to be found.

    `seen_as` is the invariant and what the checker tells of it. A control is its own control, and
    nothing is to be found. What is not `brief` is left to the full run.
    """

    name: str
    group: str
    service: str
    scenario: Scenario
    dies: bool
    changes: Sequence[Change]
    control: str
    seen_as: tuple[int, str] | None = None
    brief: bool = True

    def install(self) -> None:
        for change in self.changes:
            change()


MUTANTS: dict[str, Mutant] = {}


def control(
    service: str, scene: Scenario, *, dies: bool = False, brief: bool = True
) -> Callable[[Change], Mutant]:
    """Enlist what happens to a sound service; with `dies`, that it kills itself once."""

    def enlist(change: Change) -> Mutant:
        name, group = change.__name__, change.__module__
        made = Mutant(name, group, service, scene, dies, (change,), control=name, brief=brief)
        MUTANTS[name] = made
        return made

    return enlist


def mutant(
    under: Mutant, number: int, told: str, *, brief: bool = True
) -> Callable[[Change], Mutant]:
    def enlist(change: Change) -> Mutant:
        name = change.__name__
        made = Mutant(
            name,
            under.group,
            under.service,
            under.scenario,
            under.dies,
            # The breakage first: what happens then happens to the broken service.
            (change, *under.changes),
            control=under.name,
            seen_as=(number, told),
            brief=brief,
        )
        MUTANTS[name] = made
        return made

    return enlist


def replace(owner: object, name: str, by: object) -> None:
    patch.object(owner, name, by).start()


def die_once() -> None:
    mark = marked(Path(os.environ[MARKS]))
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def marked(marks: Path) -> Path:
    return marks / "died"
