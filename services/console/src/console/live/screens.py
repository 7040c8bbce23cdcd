"""Keeps a screen up to date for all who look at it: what it shows is read once for all."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

import structlog

from common.core.clock import monotonic
from console.clients.services import ServiceProblemError, ServiceUnavailableError
from console.live.boards import Board
from console.viewer import Viewer

log = structlog.get_logger()

# Reads in the name of the person, and tells the boards what has changed.
Update = Callable[[Sequence[Board], Viewer], Awaitable[None]]


class ScreenFeed:
    """`read_at` is when its numbers were read, on the monotonic clock; None while nobody looks."""

    def __init__(self, screen: str, update: Update, *, every_s: float) -> None:
        self.screen = screen
        self.read_at: float | None = None
        self._update = update
        self._every_s = every_s
        self._turn = 0

    async def run(self, boards: Callable[[], Collection[Board]]) -> None:
        """Run until it is cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            looking = [board for board in boards() if board.views_of(self.screen)]
            if looking:
                await self._read(looking)
            else:
                self.read_at = None

    async def _read(self, boards: Sequence[Board]) -> None:
        begin = monotonic()
        try:
            await self._update(boards, boards[self._turn % len(boards)].viewer)
        except (ServiceUnavailableError, ServiceProblemError):
            # The service may refuse this person, and answer another one.
            self._turn += 1
        except Exception:
            log.exception("screen_failed", screen=self.screen)
            self._turn += 1
        else:
            self.read_at = begin
