"""How long a worker waits for more before its next batch."""

import pytest

from common.core import linger
from common.core.linger import Linger


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    # Only of this module: servers of other tests may run in the same loop.
    monkeypatch.setattr(linger, "sleep", sleep)
    return slept


@pytest.mark.parametrize(
    ("took_s", "pause_s"),
    [(0.002, 0.005), (0.006, 0.006), (0.008, 0.01), (0.03, 0.03), (4.0, 0.05)],
)
async def test_pause_is_half_the_least_after_a_quick_batch_or_as_long_as_it_took(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], took_s: float, pause_s: float
) -> None:
    times = iter([0.0, 100.0, 100.0 + took_s])
    monkeypatch.setattr(linger, "monotonic", lambda: next(times))
    between = Linger(min_s=0.01, max_s=0.05)
    between.batch_began()
    await between.pause()
    assert pauses == [pytest.approx(pause_s)]
