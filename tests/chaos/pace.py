"""Measures how many contacts a second this machine bears; load and waits depend on it."""

import asyncio
from dataclasses import dataclass

from chaos.load import Load
from chaos.throughput import Throughput
from support.waiting import comes_true

CONCURRENT_CONTACTS = 24
# Services that have just started are slower.
WARM_UP_CONTACTS = 60
WARM_UP_WITHIN_S = 300
MEASURE_S = 10
MIN_MEASURED = 20
# A third leaves room for the backlog after a fault.
OFFERED_SHARE = 1 / 3
MIN_PER_SECOND = 0.5


class StalledError(Exception):
    """No contact was placed though there was no fault."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True)
class Pace:
    """Contacts per second that the machine bears, and the most that are offered."""

    borne: float
    ceiling: float

    @property
    def offered(self) -> float:
        return max(MIN_PER_SECOND, min(self.ceiling, OFFERED_SHARE * self.borne))

    @property
    def slowness(self) -> float:
        """The factor by which waits are longer; 1 on a machine that bears the full load."""
        return max(1, self.ceiling / self.offered)

    def __str__(self) -> str:
        return f"this machine bears {self.borne:.1f} contacts/s; {self.offered:.1f} are offered"


async def measure_pace(
    load: Load, throughput: Throughput, group: asyncio.TaskGroup, ceiling: float
) -> Pace:
    """Offer contacts as fast as they are placed, and count them."""
    clock = asyncio.get_running_loop().time
    offering = group.create_task(load.play_closed_loop(group, CONCURRENT_CONTACTS))
    try:
        await comes_true(lambda: throughput.placed >= WARM_UP_CONTACTS, within=WARM_UP_WITHIN_S)
        begun, before = clock(), throughput.placed
        await asyncio.sleep(MEASURE_S)
        await comes_true(
            lambda: throughput.placed - before >= MIN_MEASURED, within=WARM_UP_WITHIN_S
        )
        placed = throughput.placed - before
        if not placed:
            raise StalledError
        return Pace(placed / (clock() - begun), ceiling)
    finally:
        offering.cancel()
