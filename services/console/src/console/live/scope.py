"""The boards that may see the same escalations: one follower reads for all of them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import structlog

from common.contracts.event import PersonRole
from common.core.clock import TimeSource
from console.clients.services import ServiceProblemError, Services, ServiceUnavailableError
from console.live.boards import ERASED, RELOAD, Board, Message, is_concerned, message
from console.live.follower import Follower
from console.live.matching import Escalation
from console.people import People
from console.viewer import Viewer

# The changes of so long are read together, so that one row is read at most ten times a second.
_GATHER_S: Final = 0.1
_MAX_READS: Final = 8
# Boards read their page again at most so often: one reading has all rows that could not be read.
# Else a service that is too slow would be asked for more with each of them.
_RELOAD_EVERY_S: Final = 2.0
# What the services answer for an escalation that this person may not see.
_HIDDEN: Final = frozenset((HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
# Somebody who loads a page again comes back within it.
LINGER_S: Final = 5.0

log = structlog.get_logger()


ScopeKey = tuple[PersonRole, str | None]


class Scope:
    """Reads every escalation that changes once, in the name of somebody who looks now.

    Managers see all, so they share a scope. Supervisors see what concerns their teams: escalation
    decides which, so each has an own scope.
    """

    def __init__(
        self, viewer: Viewer, services: Services, people: People, clock: TimeSource
    ) -> None:
        self._viewer = viewer
        self.boards: set[Board] = set()
        self._services = services
        self._people = people
        self._clock = clock
        self._changed: set[str] = set()
        self._unlisted: set[str] = set()
        self._is_erased = False
        self._wake = asyncio.Event()
        self._is_behind = asyncio.Event()
        self._empty = asyncio.Event()
        self._follower = Follower(
            services,
            self._caller,
            self._note_change,
            self._reload,
            self._note_unlisted,
            self._note_erasure,
        )
        self._reads = asyncio.Semaphore(_MAX_READS)

    @staticmethod
    def key(viewer: Viewer) -> ScopeKey:
        return viewer.role, None if viewer.role == "manager" else viewer.person

    @property
    def is_live(self) -> bool:
        return self._follower.is_live

    async def run(self, forget: Callable[[], object]) -> None:
        """Run until nobody looks any longer, and a moment more; then nobody else may join."""
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follower.run())
            refreshing = tasks.create_task(self._refresh_all())
            reloading = tasks.create_task(self._reload_behind())
            while self.boards:
                await self._empty.wait()
                self._empty.clear()
                await asyncio.sleep(LINGER_S)
            forget()
            following.cancel()
            refreshing.cancel()
            reloading.cancel()

    def leave(self, board: Board) -> None:
        self.boards.discard(board)
        if not self.boards:
            self._empty.set()

    def _caller(self) -> Viewer:
        """Return in whose name to read: nobody is asked for after they have closed their page."""
        board = next(iter(self.boards), None)
        if board is not None:
            self._viewer = board.viewer
        return self._viewer

    def _note_change(self, escalation_id: str) -> None:
        self._unlisted.discard(escalation_id)
        self._changed.add(escalation_id)
        self._wake.set()

    def _note_unlisted(self, escalation_id: str) -> None:
        self._changed.discard(escalation_id)
        self._unlisted.add(escalation_id)
        self._wake.set()

    def _note_erasure(self) -> None:
        self._is_erased = True
        self._wake.set()

    def _reload(self) -> None:
        self._send_all(RELOAD)

    async def _reload_behind(self) -> None:
        """Tell at once of the first row that could not be read, and later of those after it."""
        while True:
            await self._is_behind.wait()
            self._is_behind.clear()
            self._reload()
            await asyncio.sleep(_RELOAD_EVERY_S)

    async def _refresh_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            unlisted, self._unlisted = self._unlisted, set()
            # After the rows that were read before, and without a read: there is nothing to see.
            for escalation_id in unlisted:
                self._send_all(message("row", id=escalation_id))
            is_erased, self._is_erased = self._is_erased, False
            await asyncio.gather(*(self._refresh(escalation_id) for escalation_id in changed))
            # Once for all contacts of a customer, and after rows that were read before.
            if is_erased:
                self._send_all(ERASED)
            await asyncio.sleep(_GATHER_S)

    async def _refresh(self, escalation_id: str) -> None:
        """Send the row; what fails with one row is seen in the page, and stops no other."""
        viewer = self._caller()
        try:
            async with self._reads:
                escalation = await self._services.get(
                    "escalation", f"/v1/escalations/{escalation_id}", viewer, limit=1
                )
            await self._send_row(escalation, viewer)
        except ServiceProblemError as error:
            if error.status in _HIDDEN:
                self._send_all(message("row", id=escalation_id))
            else:
                self._is_behind.set()
        except ServiceUnavailableError:
            self._is_behind.set()
        except Exception:
            log.exception("row_failed", escalation_id=escalation_id)
            self._is_behind.set()

    def _send_all(self, sent: Message) -> None:
        for board in self.boards:
            board.put(sent)

    async def _send_row(self, escalation: Escalation, viewer: Viewer) -> None:
        """Write the row, read in the name of `viewer`, once for all who see it alike."""
        now = self._clock.utc_now()
        directory = await self._people.directory(viewer, now)
        team = (escalation["contact"] or {}).get("team_id")
        written: dict[tuple[object, ...], Message] = {}
        for board in self.boards:
            person = board.viewer.person
            is_special = person == viewer.person or is_concerned(person, escalation)
            own = person if is_special else None
            # They may have changed since the page was opened.
            teams = directory.teams_of(person)
            alike = *board.kind, own, team in teams
            if alike not in written:
                reader = replace(board.reader, now=now, names=directory.names, teams=teams)
                # What the service allows is for the person in whose name it was read.
                is_own = person == viewer.person
                shown = escalation if is_own else {**escalation, "actions": []}
                written[alike] = board.message_of(shown, reader)
            board.put(written[alike])
