"""Pauses between batches: what arrives meanwhile shares the next batch."""

from asyncio import sleep

from common.core.clock import monotonic


class Linger:
    """Pauses for as long as the batch took, within bounds; a quick one counts for the least pause.

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
        as_long = max(took_s, self._min_s)
        # A batch of up to a third of `min_s` is followed by another one `min_s` after it began;
        # from half of it on, the pause is whole: more rounds would cost a busy machine 6 percent.
        quick = max(self._min_s - took_s, 2 * took_s)
        await sleep(min(as_long, quick, self._max_s))
