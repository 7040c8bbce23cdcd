"""How fast the machine is at the moment: the CPU time of a fixed unit of work.

Other work on the same cores changes caches and clock rate, so CPU seconds of different minutes can
be compared only in such units.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from random import Random
from statistics import median

PAUSE_S = 0.2
_ROWS = [
    {"id": number, "name": f"customer {number}", "score": Random(number).random()}
    for number in range(6000)
]


@dataclass
class Calibrator:
    """Works in a process of its own, only between `begin` and `end`."""

    connection: Connection

    def begin(self) -> None:
        self.connection.send("begin")

    def end(self) -> float:
        """Return the median of the CPU seconds of a unit since `begin`."""
        self.connection.send("end")
        seconds: float = self.connection.recv()
        return seconds


@contextmanager
def open_calibrator() -> Iterator[Calibrator]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Calibrator(ours)
    finally:
        ours.close()
        process.terminate()
        process.join()


def unit() -> None:
    """Write rows as JSON, read them, and sort them; about 10 ms."""
    rows = json.loads(json.dumps(_ROWS))
    for key in ("score", "name", "id"):
        rows.sort(key=lambda row, key=key: row[key])


def _serve(connection: Connection) -> None:
    try:
        while connection.recv() == "begin":
            connection.send(median(_unit_seconds(connection)))
    except (EOFError, KeyboardInterrupt):
        return


def _unit_seconds(connection: Connection) -> Iterator[float]:
    """Measure one unit at least, then one after each pause, until a message comes."""
    unit()
    while True:
        begun = time.process_time()
        unit()
        yield time.process_time() - begun
        if connection.poll(PAUSE_S):
            connection.recv()
            return
