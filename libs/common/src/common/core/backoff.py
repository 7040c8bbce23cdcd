"""Delays between attempts while a dependency is unavailable."""

import asyncio
import random

_FIRST_DELAY_S = 0.05
# Recovery is noticed within it; a dozen processes that poll so often are no load.
_LONGEST_DELAY_S = 2.0


class Backoff:
    """Delays that double from 50 ms to 2 s, each shortened at random by up to a half."""

    def __init__(self) -> None:
        self._next = _FIRST_DELAY_S

    def reset(self) -> None:
        self._next = _FIRST_DELAY_S

    async def wait(self, stopping: asyncio.Event) -> None:
        """Wait for the next delay, or until `stopping` is set."""
        delay = self._next * spread()
        self._next = min(self._next * 2, _LONGEST_DELAY_S)
        await pause(delay, stopping)


def spread() -> float:
    """Return a factor from a half to 1, so that what failed together is not repeated together."""
    return random.uniform(0.5, 1)  # noqa: S311 - spread, not secrecy


async def pause(seconds: float, waker: asyncio.Event) -> bool:
    """Wait at most `seconds`; return whether `waker` was set by then."""
    try:
        async with asyncio.timeout(seconds):
            await waker.wait()
    except TimeoutError:
        return False
    return True
