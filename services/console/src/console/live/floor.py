"""What Floor shows, read once a second for all who look at it."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

from common.contracts.services import EventService
from common.core.clock import TimeSource
from console.clients.services import Services
from console.live.boards import Board
from console.rendering import render_floor
from console.viewer import Viewer
from console.views.floor import FloorData, floor_view
from console.views.reader import Reader

_MAX_PAGES: Final = 10
_PAGE: Final = 200
# Durations move on so often: else each second would change the rows of all.
_STEP_S: Final = 5


class ReadItems(Protocol):
    def __call__(
        self, service: EventService, path: str, **query: object
    ) -> Awaitable[list[Mapping[str, Any]] | None]: ...


async def read_floor(items: ReadItems, day_begin: datetime) -> FloorData:
    """Read the queues and the people, with the offers that they missed since then."""
    since = day_begin.isoformat()
    return FloorData(
        *await asyncio.gather(
            items("router", "/v1/queues", limit=_PAGE),
            items("router", "/v1/representatives", active=True, missed_since=since, limit=_PAGE),
        )
    )


class FloorPieces:
    def __init__(self, services: Services, clock: TimeSource) -> None:
        self._services = services
        self._clock = clock

    async def update(self, boards: Sequence[Board], viewer: Viewer) -> None:
        """Read for each zone, since its day begins at another time; write once for all alike."""
        now = self._clock.utc_now()
        now -= timedelta(seconds=now.second % _STEP_S, microseconds=now.microsecond)
        read: dict[datetime, FloorData] = {}
        written: dict[tuple[str, str, str], list[str]] = {}
        for board in boards:
            reader = replace(board.reader, now=now)
            day_begin = reader.local_midnight
            if day_begin not in read:
                read[day_begin] = await self._read(day_begin, viewer)
            for view in board.views_of("floor"):
                kind = view, board.viewer.language, board.viewer.zone
                if kind not in written:
                    written[kind] = _write(read[day_begin], board.screens[view], reader)
                board.put_screen(view, written[kind])

    async def _read(self, day_begin: datetime, viewer: Viewer) -> FloorData:
        items = partial(self._services.items, viewer=viewer, max_pages=_MAX_PAGES)
        return await read_floor(items, day_begin)


def _write(data: FloorData, query: Mapping[str, str], reader: Reader) -> list[str]:
    view = floor_view(data, query.get("team") or None, (), reader)
    return render_floor(view, reader.texts.language)
