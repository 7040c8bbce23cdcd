"""Queries about the queues: who waits in each, and who serves it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import text

from common.contracts.event import TeamId
from common.storage.connection import Connection
from router.domain.needs import Need


@dataclass(frozen=True, slots=True)
class QueueTeam:
    """Who of a team serves a queue and is available, and their free slots.

    `waiting`: contacts that only this team may get now.
    """

    team_id: TeamId
    waiting: int
    available_representatives: int
    free_slots: int


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """The contacts of one queue, and who could take them.

    A free slot counts in every queue that its representative serves. `served`: somebody active
    serves it. `stands_in_for`: queues that nobody serves and whose contacts wait in this one.
    `teams` are those of who is active and serves it.
    """

    need: Need
    waiting: int
    oldest_waiting_s: float | None
    stands_in_for: tuple[str, ...]
    served: bool
    available_representatives: int
    free_slots: int
    teams: tuple[QueueTeam, ...] = ()

    @property
    def queue(self) -> str:
        return self.need.queue


class StaffGroup(NamedTuple):
    """The active representatives of a team with one skill who speak the same languages."""

    team_id: TeamId
    skill: str
    languages: Sequence[str]
    available: int
    free_slots: int

    def fits(self, need: Need) -> bool:
        return need.distance((self.skill,), self.languages) is not None


class Queues:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list_after(self, need: Need | None, limit: int, *, at: datetime) -> list[QueueStatus]:
        """Return the next queues, by skill and language, that have contacts or representatives."""
        rows = await self._connection.execute(
            _QUEUES,
            {
                "at": at,
                "skill": need.skill if need else "",
                "language": need.language if need else "",
                "limit": limit,
            },
        )
        waiting = [(Need(row.skill, row.language), row) for row in rows]
        staff = await self._staff({need.skill for need, _ in waiting})
        return [
            QueueStatus(
                need,
                row.waiting,
                row.oldest_waiting_s,
                tuple(row.stands_in_for),
                *_staffing(need, row.waiting_for_teams, staff),
            )
            for need, row in waiting
        ]

    async def _staff(self, skills: Iterable[str]) -> list[StaffGroup]:
        """Return who is active and has these skills, whatever their presence."""
        rows = await self._connection.execute(_STAFF, {"skills": sorted(skills)})
        return [StaffGroup(*row) for row in rows]

    async def waiting_needs(self) -> list[Need]:
        """Return the needs with waiting contacts, each once."""
        rows = await self._connection.execute(_WAITING_NEEDS)
        return [Need(row.skill, row.language, row.queue_team or None) for row in rows]


def needs_to_arrays(needs: Collection[Need]) -> dict[str, list[str]]:
    """Return the needs as columns; a need of all teams has an empty one."""
    return {
        "skills": [need.skill for need in needs],
        "languages": [need.language for need in needs],
        "teams": [need.team_id or "" for need in needs],
    }


def _staffing(
    need: Need, waiting_for_teams: Mapping[str, int], staff: Iterable[StaffGroup]
) -> tuple[bool, int, int, tuple[QueueTeam, ...]]:
    """Return whether somebody serves it, how many are available, their free slots, and by team."""
    groups = [group for group in staff if group.fits(need)]
    available = sum(group.available for group in groups)
    free_slots = sum(group.free_slots for group in groups)
    return bool(groups), available, free_slots, tuple(_teams(groups, waiting_for_teams))


def _teams(
    groups: Iterable[StaffGroup], waiting_for_teams: Mapping[str, int]
) -> Iterator[QueueTeam]:
    by_team = sorted(groups, key=attrgetter("team_id"))
    for team_id, members in groupby(by_team, key=attrgetter("team_id")):
        of_team = list(members)
        yield QueueTeam(
            team_id,
            waiting_for_teams.get(team_id, 0),
            sum(group.available for group in of_team),
            sum(group.free_slots for group in of_team),
        )


_QUEUES = text(r"""
    WITH waiting AS (
        SELECT skill, language, count(*) AS waiting, min(waiting_since) AS oldest,
            (array_agg(DISTINCT unserved_skill || '/' || unserved_language)
                FILTER (WHERE (unserved_skill, unserved_language) <> (skill, language)))[1\:20]
                AS stands_in_for
        FROM assignments WHERE state = 'queued' GROUP BY skill, language
    ), waiting_for_teams AS (
        SELECT skill, language, jsonb_object_agg(queue_team, waiting) AS waiting_for_teams
        FROM (
            SELECT skill, language, queue_team, count(*) AS waiting FROM assignments
            WHERE state = 'queued' AND queue_team <> '' GROUP BY skill, language, queue_team
        ) AS team GROUP BY skill, language
    ), staff AS (
        SELECT DISTINCT skill, language
        FROM representatives, unnest(skills) AS skill, unnest(languages) AS language
        WHERE active
    )
    SELECT skill, language,
        coalesce(waiting, 0) AS waiting,
        CAST(extract(epoch FROM :at - oldest) AS float) AS oldest_waiting_s,
        coalesce(stands_in_for, '{}') AS stands_in_for,
        coalesce(waiting_for_teams, '{}') AS waiting_for_teams
    FROM waiting FULL JOIN staff USING (skill, language)
        LEFT JOIN waiting_for_teams USING (skill, language)
    WHERE (skill, language) > (:skill, :language)
    ORDER BY skill, language
    LIMIT :limit
""")

# A group has the same languages, so that Python compares each of them once.
_STAFF = text("""
    SELECT team_id, skill, languages,
        count(*) FILTER (WHERE presence = 'available') AS available,
        coalesce(sum(greatest(capacity - load, 0)) FILTER (WHERE presence = 'available'), 0)
            AS free_slots
    FROM representatives
    JOIN unnest(CAST(:skills AS text[])) AS skill ON skills @> ARRAY[skill]
    WHERE active
    GROUP BY team_id, skill, languages
""")

# Each step finds the next need in the index `assignments_waiting`, however many contacts wait.
_WAITING_NEEDS = text("""
    WITH RECURSIVE needs AS (
        (SELECT skill, language, queue_team FROM assignments WHERE state = 'queued'
         ORDER BY skill, language, queue_team LIMIT 1)
        UNION ALL
        SELECT next.* FROM needs CROSS JOIN LATERAL (
            SELECT a.skill, a.language, a.queue_team FROM assignments a
            WHERE state = 'queued' AND (a.skill, a.language, a.queue_team)
                > (needs.skill, needs.language, needs.queue_team)
            ORDER BY a.skill, a.language, a.queue_team LIMIT 1) AS next
    )
    SELECT skill, language, queue_team FROM needs
""")
