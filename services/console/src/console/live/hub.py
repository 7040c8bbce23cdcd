"""The live part of the console: who looks, and what they are told."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from common.core.backoff import pause
from common.core.clock import TimeSource, monotonic
from console.clients.services import Caller, ServiceProblemError, Services, ServiceUnavailableError
from console.errors import PageError
from console.live.boards import Board, Message, message
from console.live.duty import DutyChanges
from console.live.floor import FloorPieces
from console.live.row_feed import RowFeed
from console.live.scope import Scope, ScopeKey
from console.live.screens import ScreenFeed
from console.people import People
from console.readers import make_reader
from console.viewer import Viewer

# The tabs of a browser share one; who reloads a page may have more for a moment.
MAX_BOARDS_OF_SESSION: Final = 8
_COUNTERS_EVERY_S: Final = 2.0


class LiveHub:
    """A worker; boards open and close while it runs."""

    name = "live"

    def __init__(
        self,
        services: Services,
        people: People,
        clock: TimeSource,
        *,
        check_every_s: float = 30.0,
    ) -> None:
        self.check_every_s = check_every_s
        self._services = services
        self._people = people
        self._clock = clock
        self._rows = RowFeed(services, people, clock)
        self._scopes: dict[ScopeKey, Scope] = {}
        self._boards: set[Board] = set()
        self._feeds = (
            ScreenFeed("floor", FloorPieces(services, clock).update, every_s=1.0),
            ScreenFeed("duty", DutyChanges(services, clock).update, every_s=4.0),
        )
        self._tasks: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()

    @property
    def board_count(self) -> int:
        return len(self._boards)

    async def open(self, viewer: Viewer, views: Sequence[str]) -> Board:
        """Open one more board; raises PageError if the session has too many."""
        now = self._clock.utc_now()
        directory = await self._people.directory(viewer, now)
        others = [board for board in self._boards if board.viewer.session_id == viewer.session_id]
        if len(others) >= MAX_BOARDS_OF_SESSION:
            raise PageError(429, "unavailable")
        board = Board(viewer, views, make_reader(viewer, directory, now))
        self._boards.add(board)
        # Representatives see what they have; the stream of all escalations is not for them.
        if viewer.role != "representative":
            self._scope_of(viewer).boards.add(board)
        return board

    def close(self, board: Board) -> None:
        self._boards.discard(board)
        scope = self._scopes.get(Scope.key(board.viewer))
        if scope is not None:
            scope.leave(board)

    async def is_admitted(self, viewer: Caller) -> bool:
        """Return whether the person still works here: without router's answer they do."""
        try:
            await self._services.get("router", f"/v1/people/{viewer.person}", viewer)
        except ServiceProblemError as error:
            return not error.refuses_person
        except ServiceUnavailableError:
            return True
        return True

    def is_live(self, board: Board) -> bool:
        """Return whether changes come: representatives have none."""
        scope = self._scopes.get(Scope.key(board.viewer))
        return board.viewer.role == "representative" or (scope is not None and scope.is_live)

    def screen_ages(self) -> dict[str, float]:
        """Return how old the numbers of each screen are, in seconds."""
        now = monotonic()
        return {feed.screen: now - feed.read_at for feed in self._feeds if feed.read_at is not None}

    async def run(self, stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            counting = tasks.create_task(self._send_counters(stopping))
            self._running.add(tasks.create_task(self._rows.run()))
            for feed in self._feeds:
                self._running.add(tasks.create_task(feed.run(lambda: self._boards)))
            await stopping.wait()
            for board in self._boards:
                board.is_over = True
            await counting
            self._tasks = None
            for task in [*self._running]:
                task.cancel()

    def _scope_of(self, viewer: Viewer) -> Scope:
        key = Scope.key(viewer)
        if key not in self._scopes:
            self._scopes[key] = scope = Scope(
                viewer, self._services, self._rows.note_change, self._rows.note_erasure
            )
            if self._tasks is not None:
                run = scope.run(forget=partial(self._scopes.pop, key))
                task = self._tasks.create_task(run)
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        return self._scopes[key]

    async def _send_counters(self, stopping: asyncio.Event) -> None:
        last: Message | None = None
        while not await pause(_COUNTERS_EVERY_S, stopping):
            board = next(iter(self._boards), None)
            counters = None if board is None else await self._counters(board.viewer)
            if counters is not None and counters != last:
                last = counters
                for each in self._boards:
                    each.put(counters)

    async def _counters(self, viewer: Viewer) -> Message | None:
        """Count the customers who wait and the free places; None if router does not answer."""
        try:
            staffing = await self._services.get("router", "/v1/staffing", viewer)
        except (ServiceUnavailableError, ServiceProblemError):
            return None
        return message("counters", waiting=staffing["waiting"], free=staffing["free_slots"])
