"""How long to wait before the next attempt at something that is away for a while."""

import asyncio
import random

_FIRST = 0.05
# What is back is to be found so soon, and a dozen processes that ask so often are no load.
_LONGEST = 2.0


class Backoff:
    """Delays that double from 50 ms to 2 s, each shortened at random by up to a half."""

    def __init__(self) -> None:
        self._next = _FIRST

    def reset(self) -> None:
        self._next = _FIRST

    async def wait(self, stopping: asyncio.Event) -> None:
        """Wait for the next delay, or until `stopping` is set."""
        delay = self._next * random.uniform(0.5, 1)  # noqa: S311 - spread, not secrecy
        self._next = min(self._next * 2, _LONGEST)
        await pause(delay, stopping)


async def pause(seconds: float, waker: asyncio.Event) -> bool:
    """Wait at most `seconds`; return whether `waker` was set by then."""
    try:
        async with asyncio.timeout(seconds):
            await waker.wait()
    except TimeoutError:
        return False
    return True
