"""Pauses between batches: what arrives meanwhile shares the next batch."""

from asyncio import sleep
from typing import Final

from common.core.clock import monotonic

# A batch that takes longer has much to do, or the machine has.
_QUICK_S: Final = 0.007


class Linger:
    """Pauses for as long as the batch took, within bounds; a quick one for half of the least.

    A batch has costs that do not depend on its size. So a worker that is quick, with little to do,
    hardly delays anything; on a busy machine batches take longer, and get larger.
    """

    def __init__(self, *, min_s: float, max_s: float) -> None:
        self._min_s = min_s
        self._max_s = max_s
        self._began_at = monotonic()

    def batch_began(self) -> None:
        self._began_at = monotonic()

    async def pause(self) -> None:
        """Pause after the batch that began last."""
        took_s = monotonic() - self._began_at
        least_s = self._min_s / 2 if took_s < _QUICK_S else self._min_s
        await sleep(min(max(took_s, least_s), self._max_s))
