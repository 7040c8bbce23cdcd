"""Pauses between batches: what arrives meanwhile shares the next batch."""

from asyncio import sleep

from common.core.clock import monotonic


class Linger:
    """Begins a batch at most every `min_s`, and pauses as long as a batch took, up to `max_s`.

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
        await sleep(min(max(took_s, self._min_s - took_s), self._max_s))
