"""How much happens in the simulated centre, and how fast."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Pace:
    """All times in the centre are divided by `speed`, promises too.

    With the same `seed` the same customers write the same in the same order, and people decide the
    same of each contact; the order between contacts follows from the services.
    """

    contacts_per_minute: float = 6
    seed: int = 1
    speed: float = 1

    def seconds(self, human_s: float) -> float:
        return human_s / self.speed

    async def pause(self, human_s: float) -> None:
        await asyncio.sleep(self.seconds(human_s))

    def random(self, *subject: object) -> Random:
        """Return the choices about one subject, which no other subject changes."""
        # Of a text, since `hash` differs from process to process.
        name = "/".join(map(str, (self.seed, *subject)))
        return Random(name)  # noqa: S311 - choices of a simulation


def happens(random: Random, share: float) -> bool:
    return random.random() < share


def weighted(random: Random, choices: Sequence[tuple[T, int]]) -> T:
    """Return one of the choices, each as often as its weight says."""
    values, weights = zip(*choices, strict=True)
    chosen: T = random.choices(values, weights)[0]
    return chosen
