"""Where a service spends its CPU time, as a picture for each service."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.against.systems import MeasuredSystem

DIRECTORY = Path(__file__).parents[1] / "out" / "flame-graphs"
PROFILER = Path(sys.executable).with_name("py-spy")
SAMPLES_PER_S = 100


@asynccontextmanager
async def record(system: MeasuredSystem, load: str) -> AsyncIterator[None]:
    """Record each process of the system; write `<checkout>-<load>-<service>.svg`."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    profilers = [
        await asyncio.create_subprocess_exec(
            PROFILER,
            *("record", "--pid", str(pid), "--rate", str(SAMPLES_PER_S)),
            *("--output", DIRECTORY / f"{system.label}-{load}-{service}.svg"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        for service, pid in system.pids.items()
    ]
    try:
        yield
    finally:
        for profiler in profilers:
            if profiler.returncode is None:
                profiler.send_signal(signal.SIGINT)
        for profiler in profilers:
            await profiler.wait()
