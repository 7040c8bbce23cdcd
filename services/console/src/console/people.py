"""Who works here: router's list of people, kept for a minute."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from console.clients.services import Caller, ServiceProblemError, Services, ServiceUnavailableError

_KEPT_FOR: Final = timedelta(minutes=1)
# After router did not answer it is not asked for so long.
_RETRY_AFTER: Final = timedelta(seconds=5)
_READ_S: Final = 5
_PAGE: Final = 200
_MAX_PAGES: Final = 50


@dataclass(frozen=True, slots=True)
class Directory:
    """People's names, teams and superiors by their ids.

    It does not change, so who is below a person, and their teams, are found once: pages ask for
    them each time, and a row that changes for each open board.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    teams: Mapping[str, str | None] = field(default_factory=dict)
    superiors: Mapping[str, str | None] = field(default_factory=dict)
    _below: dict[str, frozenset[str]] = field(default_factory=dict, init=False)
    _teams: dict[str, frozenset[str]] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, people: list[Mapping[str, Any]]) -> "Directory":
        return cls(
            {person["person_id"]: person["name"] for person in people},
            {person["person_id"]: person["team_id"] for person in people},
            {person["person_id"]: person["reports_to"] for person in people},
        )

    def teams_of(self, person: str) -> frozenset[str]:
        """Return the team of the person, and those of the people below in the reporting line."""
        if person not in self._teams:
            teams = (self.teams.get(each) for each in (person, *self.below(person)))
            self._teams[person] = frozenset(team for team in teams if team is not None)
        return self._teams[person]

    def below(self, person: str) -> frozenset[str]:
        """Return who reports to the person, directly or not."""
        if person not in self._below:
            self._below[person] = self._find_below(person)
        return self._below[person]

    def _find_below(self, person: str) -> frozenset[str]:
        below: set[str] = set()
        level = {person}
        while level:
            below |= level
            level = {each for each, superior in self.superiors.items() if superior in level} - below
        return frozenset(below - {person})


class People:
    """The directory as router has it. While router does not answer, the last one counts."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._directory = Directory()
        self._read_again_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def directory(self, caller: Caller, now: datetime) -> Directory:
        """Return the directory; while somebody reads it again, others have the last one."""
        if self._lock.locked() and self._directory.names:
            return self._directory
        async with self._lock:
            if self._read_again_at is None or now >= self._read_again_at:
                self._read_again_at = now + await self._read_again(caller)
        return self._directory

    async def _read_again(self, caller: Caller) -> timedelta:
        """Return how long what is there now counts."""
        try:
            async with asyncio.timeout(_READ_S):
                people = await self._services.items(
                    "router", "/v1/people", caller, max_pages=_MAX_PAGES, limit=_PAGE
                )
                self._directory = Directory.of(people)
        except (ServiceUnavailableError, ServiceProblemError, TimeoutError):
            # Router may refuse this caller, and answer the next one.
            return _RETRY_AFTER
        return _KEPT_FOR
