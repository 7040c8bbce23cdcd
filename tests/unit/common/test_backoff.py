"""Delays double up to a limit, are spread, and end at once when there is no more use in waiting."""

import asyncio

import pytest

from common.core import backoff
from common.core.backoff import Backoff, pause


@pytest.fixture
def delays(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the waits instead of waiting."""
    limits: list[float] = []

    async def noted(seconds: float, _waker: asyncio.Event) -> bool:
        limits.append(seconds)
        return False

    monkeypatch.setattr(backoff, "pause", noted)
    return limits


async def test_delays_double_up_to_two_seconds(delays: list[float]) -> None:
    waiting, stopping = Backoff(), asyncio.Event()
    for _ in range(10):
        await waiting.wait(stopping)
    full = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2, 2]
    for delay, longest in zip(delays, full, strict=True):
        assert longest / 2 <= delay <= longest


async def test_success_resets_the_delay(delays: list[float]) -> None:
    waiting, stopping = Backoff(), asyncio.Event()
    for _ in range(5):
        await waiting.wait(stopping)
    waiting.reset()
    await waiting.wait(stopping)
    assert delays[-1] <= 0.05


async def test_simultaneous_waits_end_at_different_times(delays: list[float]) -> None:
    stopping = asyncio.Event()
    for _ in range(20):
        await Backoff().wait(stopping)
    assert len(set(delays)) == 20


async def test_pause_returns_whether_it_was_woken() -> None:
    waker = asyncio.Event()
    assert await pause(0.001, waker) is False
    waker.set()
    async with asyncio.timeout(60):
        assert await pause(3600, waker) is True
