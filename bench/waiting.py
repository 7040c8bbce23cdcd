"""Polling for conditions that nothing announces, such as counters and other processes."""

import asyncio
from collections.abc import Callable

POLL_S = 0.005
TIMEOUT_S = 600


class WaitTimeoutError(Exception):
    """A condition did not become true in time."""


async def wait_until(condition: Callable[[], object], timeout_s: float = TIMEOUT_S) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - a counter can't be awaited
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        message = f"nothing within {timeout_s} s"
        raise WaitTimeoutError(message) from None
