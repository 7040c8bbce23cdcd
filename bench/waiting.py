"""Waiting for what nothing announces: counters, and what other processes do."""

import asyncio
from collections.abc import Callable

EVERY_S = 0.005
PATIENCE_S = 600


class StuckError(Exception):
    """What was waited for did not come."""


async def until(holds: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    try:
        async with asyncio.timeout(patience_s):
            while not holds():  # noqa: ASYNC110 - a counter can't be awaited
                await asyncio.sleep(EVERY_S)
    except TimeoutError:
        message = f"nothing within {patience_s} s"
        raise StuckError(message) from None
