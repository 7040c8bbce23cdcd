"""Waiting for a condition instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def until(
    read: Callable[[], Awaitable[T]], holds: Callable[[T], object] = bool, *, within: float = 60
) -> T: ...
@overload
async def until(
    read: Callable[[], T], holds: Callable[[T], object] = bool, *, within: float = 60
) -> T: ...
async def until(
    read: Callable[[], Any], holds: Callable[[Any], object] = bool, *, within: float = 60
) -> Any:
    """Call `read` until its result `holds`, and return that result; fail with the last result.

    `within`, in seconds, is generous for a busy machine: a condition that holds costs no wait.
    """
    last: object = "nothing yet"
    try:
        async with asyncio.timeout(within):
            while True:
                result = read()
                last = await result if inspect.isawaitable(result) else result
                if holds(last):
                    return last
                await asyncio.sleep(0.01)
    except TimeoutError:
        message = f"condition did not hold within {within} s; last result: {last!r}"
        raise AssertionError(message) from None


async def comes_true(condition: Callable[[], object], *, within: float) -> bool:
    """Wait for the condition; return whether it came true in time."""
    try:
        await until(condition, within=within)
    except AssertionError:
        return False
    return True
