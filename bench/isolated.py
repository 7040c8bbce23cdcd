"""A measurement in a process of its own: a fresh heap, uvloop, and CPU time that is its alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple, ParamSpec

import uvloop

from bench.summary import Figures
from common.core import logs

P = ParamSpec("P")


class IsolatedRun(NamedTuple):
    figures: Figures
    cpu_seconds: float


async def run_isolated(
    measure: Callable[P, Awaitable[Figures]], *args: P.args, **options: P.kwargs
) -> IsolatedRun:
    """Run `measure`, a function at the top of its module, with arguments that can be pickled."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return await loop.run_in_executor(process, _run, measure, args, options)


def _run(
    measure: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> IsolatedRun:
    logs.configure(service="bench", level="warning", form="json")
    begun = time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures: Figures = runner.run(measure(*args, **options))
    return IsolatedRun(figures, time.process_time() - begun)
