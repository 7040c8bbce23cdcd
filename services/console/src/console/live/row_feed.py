"""Reads each escalation that changes once for all who look, and sends its row to their boards."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import structlog

from common.core.clock import TimeSource
from console.clients.services import ServiceProblemError, Services, ServiceUnavailableError
from console.live.boards import Board, Message, is_concerned, message
from console.live.matching import Escalation
from console.live.scope import Scope
from console.people import Directory, People
from console.viewer import Viewer

# The streams of all who look tell of a change within it.
_LINGER_S: Final = 0.02
# The changes of so long are read together, so that one row is read at most ten times a second.
_GATHER_S: Final = 0.1
# For all boards together: what is more waits here, and not in a service that is slow already.
_MAX_READS: Final = 8
# Escalation says of so many supervisors at once whether they see it.
_MAX_SUPERVISORS: Final = 200
# A row that can't be read so often in a row is left to the page.
_MAX_TRIES: Final = 3
_RETRY_S: Final = 0.5
# What the services answer for an escalation that this person may not see.
_HIDDEN: Final = frozenset((HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
# These depend on who asks, also if the escalation says nothing of them.
_NOBODY_ABOVE: Final = "nobody-above"
_PERSONAL: Final = frozenset(("complaint-about-you", "line-manager", "own-request"))

log = structlog.get_logger()


class RowFeed:
    """Scopes say which escalations change for them; each is read once for all of those scopes.

    Whose boards get the row escalation decides with each read. Who is concerned sees other words
    and actions than all others, so it is read for them by their own name, too.
    """

    def __init__(self, services: Services, people: People, clock: TimeSource) -> None:
        self._services = services
        self._people = people
        self._clock = clock
        # Of each escalation that has changed, the scopes to be told, and whether they may see it.
        self._changed: dict[str, dict[Scope, bool]] = {}
        self._busy: set[str] = set()
        self._erasures = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._reads = asyncio.Semaphore(_MAX_READS)

    async def run(self) -> None:
        """Run until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    def note_change(self, escalation_id: str, scope: Scope, *, is_listed: bool) -> None:
        """Send the row to the scope's boards, or take it from them; the last word counts."""
        self._changed.setdefault(escalation_id, {})[scope] = is_listed
        if escalation_id not in self._busy and self._tasks is not None:
            self._busy.add(escalation_id)
            self._tasks.create_task(self._follow(escalation_id))

    def note_erasure(self) -> None:
        """Send no row that was read before."""
        self._erasures += 1

    async def _follow(self, escalation_id: str) -> None:
        """Send the row as long as it changes: in their order, since one task does it."""
        try:
            await asyncio.sleep(_LINGER_S)
            while scopes := self._changed.pop(escalation_id, None):
                await self._refresh(escalation_id, scopes)
                await asyncio.sleep(_GATHER_S)
        finally:
            self._busy.discard(escalation_id)

    async def _refresh(self, escalation_id: str, scopes: dict[Scope, bool]) -> None:
        """What fails with one row is seen in the page, and stops no other."""
        listed = [scope for scope, is_listed in scopes.items() if is_listed]
        # Without a read: there is nothing to see.
        unlisted = [scope for scope, is_listed in scopes.items() if not is_listed]
        _remove(escalation_id, _boards_of(unlisted))
        try:
            for _ in range(_MAX_TRIES):
                if await self._send_row(escalation_id, _boards_of(listed)):
                    return
                await asyncio.sleep(_RETRY_S)
        except Exception:
            log.exception("row_failed", escalation_id=escalation_id)
        for scope in listed:
            scope.fall_behind()

    async def _send_row(self, escalation_id: str, boards: Sequence[Board]) -> bool:
        """Return whether it could be read for all of them, and no erasure came meanwhile.

        Managers come first: what they may do beside others holds for supervisors, too.
        """
        waiting = sorted(boards, key=lambda board: board.viewer.role)
        while waiting:
            reader = waiting[0].viewer
            others = _supervisors(waiting, reader)
            directory = await self._people.directory(reader, self._clock.utc_now())
            erasures = self._erasures
            try:
                escalation = await self._read(escalation_id, reader, others)
            except ServiceProblemError as error:
                if error.status not in _HIDDEN and not error.refuses_person:
                    return False
                waiting, own = _split(waiting, {reader.person})
                if error.status in _HIDDEN:
                    _remove(escalation_id, own)
                continue
            except ServiceUnavailableError:
                return False
            # No await from here on: no erasure may come before a row that was read before it.
            if erasures != self._erasures:
                return False
            waiting, hidden = _split(waiting, {*others} - {*escalation["visible_to"]})
            _remove(escalation_id, hidden)
            waiting, alike = _split(waiting, _alike(waiting, escalation, reader, others))
            self._write(escalation, alike, reader, directory)
        return True

    async def _read(
        self, escalation_id: str, reader: Viewer, supervisors: Sequence[str]
    ) -> dict[str, Any]:
        async with self._reads:
            escalation: dict[str, Any] = await self._services.get(
                "escalation",
                f"/v1/escalations/{escalation_id}",
                reader,
                limit=1,
                supervisors=supervisors,
            )
            return escalation

    def _write(
        self, escalation: Escalation, boards: Sequence[Board], reader: Viewer, directory: Directory
    ) -> None:
        """Write the row once for all boards that have it alike."""
        now = self._clock.utc_now()
        team = (escalation["contact"] or {}).get("team_id")
        for_others = {**escalation, "actions": _actions_of_others(escalation)}
        written: dict[tuple[object, ...], Message] = {}
        for board in boards:
            person = board.viewer.person
            own = person if person == reader.person else None
            # They may have changed since the page was opened.
            teams = directory.teams_of(person)
            alike = *board.kind, own, team in teams
            if alike not in written:
                view = replace(board.reader, now=now, names=directory.names, teams=teams)
                shown = for_others if own is None else escalation
                written[alike] = board.message_of(shown, view)
            board.put(written[alike])


def _boards_of(scopes: Sequence[Scope]) -> list[Board]:
    return [board for scope in scopes for board in scope.boards]


def _remove(escalation_id: str, boards: Sequence[Board]) -> None:
    removal = message("row", id=escalation_id)
    for board in boards:
        board.put(removal)


def _split(boards: Sequence[Board], people: set[str]) -> tuple[list[Board], list[Board]]:
    """Return the boards of others, and those of these people."""
    own = [board for board in boards if board.viewer.person in people]
    return [board for board in boards if board.viewer.person not in people], own


def _supervisors(boards: Sequence[Board], reader: Viewer) -> list[str]:
    """Return the supervisors beside the reader, to ask whether they may see it, too."""
    people = dict.fromkeys(
        board.viewer.person for board in boards if board.viewer.role == "supervisor"
    )
    return [person for person in people if person != reader.person][:_MAX_SUPERVISORS]


def _alike(
    boards: Sequence[Board], escalation: Escalation, reader: Viewer, others: Sequence[str]
) -> set[str]:
    """Return the people who see it as the reader does, if that is nobody whom it concerns."""
    if _is_own(escalation) or is_concerned(reader.person, escalation):
        return {reader.person}
    return {
        board.viewer.person
        for board in boards
        if (board.viewer.role == "manager" or board.viewer.person in (*others, reader.person))
        and not is_concerned(board.viewer.person, escalation)
    }


def _is_own(escalation: Escalation) -> bool:
    """Whether some action is refused for what the reader is to this escalation."""
    return any(action["code"] in _PERSONAL for action in escalation["actions"])


def _actions_of_others(escalation: Escalation) -> list[dict[str, Any]]:
    """Return what others may do whom it does not concern either."""
    return [
        {**action, "allowed": action["allowed"] or action["code"] == _NOBODY_ABOVE}
        for action in escalation["actions"]
    ]
