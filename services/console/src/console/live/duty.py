"""Tells who looks at Duty that it has changed; they read their page again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from common.core.clock import TimeSource
from console.clients.services import Services
from console.live.boards import Board, message
from console.viewer import Viewer

_SCHEDULES: Final = "/v1/duty-schedules"
_MAX_PAGES: Final = 10
_SHOWN: Final = timedelta(days=7)
_CLOCK_SKEW: Final = timedelta(seconds=2)


class DutyChanges:
    """Compares who is on duty, the gaps and the open requests of all schedules."""

    def __init__(self, services: Services, clock: TimeSource) -> None:
        self._services = services
        self._clock = clock
        self._last: object = None

    async def update(self, boards: Sequence[Board], viewer: Viewer) -> None:
        current = await self._read(viewer)
        if self._last is not None and current != self._last:
            for board in boards:
                for view in board.views_of("duty"):
                    board.put(message("stale", view=view))
        self._last = current

    async def _read(self, viewer: Viewer) -> list[Any]:
        now = self._clock.utc_now()
        schedules = await self._services.items(
            "escalation", _SCHEDULES, viewer, max_pages=_MAX_PAGES
        )
        # Whole hours: a gap that goes on at the end of the period would end later each time.
        until = (now.replace(minute=0, second=0, microsecond=0) + _SHOWN).isoformat()
        paths = [f"{_SCHEDULES}/{schedule['id']}" for schedule in schedules]
        gaps, shifts, requests = await asyncio.gather(
            self._get_all([f"{path}/gaps" for path in paths], viewer, until=until),
            self._get_all([f"{path}/shifts" for path in paths], viewer, until=until),
            self._get_all([f"{path}/change-requests" for path in paths], viewer),
        )
        return [_without_begun(gaps, now), _without_begun(shifts, now), requests]

    async def _get_all(self, paths: Sequence[str], viewer: Viewer, **query: object) -> list[Any]:
        reads = (self._services.get("escalation", path, viewer, **query) for path in paths)
        return await asyncio.gather(*reads)


def _without_begun(answers: Sequence[Any], now: datetime) -> list[list[Any]]:
    """Leave out when that began which goes on now: there the service writes its own now."""
    begun = now + _CLOCK_SKEW
    return [
        [
            (
                period.get("person_id"),
                period["end"],
                period["start"] if datetime.fromisoformat(period["start"]) > begun else None,
            )
            for period in answer["items"]
        ]
        for answer in answers
    ]
