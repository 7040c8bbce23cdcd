"""Waiting for what will be so, instead of sleeping and hoping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")


@overload
async def until(
    look: Callable[[], Awaitable[T]], holds: Callable[[T], object] = bool, *, within: float = 20
) -> T: ...
@overload
async def until(
    look: Callable[[], T], holds: Callable[[T], object] = bool, *, within: float = 20
) -> T: ...
async def until(
    look: Callable[[], Any], holds: Callable[[Any], object] = bool, *, within: float = 20
) -> Any:
    """Look again and again until what is seen `holds`, and return it; fail with what was seen."""
    seen: object = "nothing yet"
    try:
        async with asyncio.timeout(within):
            while True:
                looked = look()
                seen = await looked if inspect.isawaitable(looked) else looked
                if holds(seen):
                    return seen
                await asyncio.sleep(0.01)
    except TimeoutError:
        message = f"not so within {within} s; last seen: {seen!r}"
        raise AssertionError(message) from None
