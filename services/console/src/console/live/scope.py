"""The boards that may see the same escalations: one follower for all of them."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from common.contracts.event import PersonRole
from console.clients.services import Services
from console.live.boards import ERASED, RELOAD, Board, Message
from console.live.follower import Follower
from console.viewer import Viewer

# Erasures of so long are told together: all contacts of a customer are erased at once.
_GATHER_S: Final = 0.1
# Boards read their page again at most so often: one reading has all rows that could not be read.
# Else a service that is too slow would be asked for more with each of them.
_RELOAD_EVERY_S: Final = 2.0
# Somebody who loads a page again comes back within it.
LINGER_S: Final = 5.0

ScopeKey = tuple[PersonRole, str | None]


class NoteChange(Protocol):
    def __call__(self, escalation_id: str, scope: "Scope", *, is_listed: bool) -> None: ...


class Scope:
    """Follows the stream of escalation in the name of somebody who looks now.

    Managers see all, so they share a scope. Supervisors see what concerns their teams: escalation
    decides which, so each has an own scope.
    """

    def __init__(
        self,
        viewer: Viewer,
        services: Services,
        note_change: NoteChange,
        note_erasure: Callable[[], None],
    ) -> None:
        self._viewer = viewer
        self.boards: set[Board] = set()
        self._note_change = note_change
        self._note_erasure = note_erasure
        self._is_erased = asyncio.Event()
        self._is_behind = asyncio.Event()
        self._empty = asyncio.Event()
        self._follower = Follower(
            services,
            self._caller,
            lambda escalation_id: self._note_change(escalation_id, self, is_listed=True),
            self._reload,
            lambda escalation_id: self._note_change(escalation_id, self, is_listed=False),
            self._erase,
        )

    @staticmethod
    def key(viewer: Viewer) -> ScopeKey:
        return viewer.role, None if viewer.role == "manager" else viewer.person

    @property
    def is_live(self) -> bool:
        return self._follower.is_live

    async def run(self, forget: Callable[[], object]) -> None:
        """Run until nobody looks any longer, and a moment more; then nobody else may join."""
        async with asyncio.TaskGroup() as tasks:
            loops = (
                tasks.create_task(self._follower.run()),
                tasks.create_task(self._send_when(self._is_erased, ERASED, _GATHER_S)),
                tasks.create_task(self._send_when(self._is_behind, RELOAD, _RELOAD_EVERY_S)),
            )
            while self.boards:
                await self._empty.wait()
                self._empty.clear()
                await asyncio.sleep(LINGER_S)
            forget()
            for loop in loops:
                loop.cancel()

    def leave(self, board: Board) -> None:
        self.boards.discard(board)
        if not self.boards:
            self._empty.set()

    def fall_behind(self) -> None:
        """Let the boards read their page again, since a row could not be read."""
        self._is_behind.set()

    def _caller(self) -> Viewer:
        """Return in whose name to follow: nobody is asked for after they have closed their page."""
        board = next(iter(self.boards), None)
        if board is not None:
            self._viewer = board.viewer
        return self._viewer

    def _erase(self) -> None:
        self._note_erasure()
        self._is_erased.set()

    def _reload(self) -> None:
        self._send(RELOAD)

    async def _send_when(self, is_due: asyncio.Event, sent: Message, every_s: float) -> None:
        """Tell at once of the first, and later of those after it."""
        while True:
            await is_due.wait()
            is_due.clear()
            self._send(sent)
            await asyncio.sleep(every_s)

    def _send(self, sent: Message) -> None:
        for board in self.boards:
            board.put(sent)
