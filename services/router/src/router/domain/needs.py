"""The skill and the language that a contact needs, and the team if only one may have it."""

from collections.abc import Collection
from typing import NamedTuple

from common.contracts.event import TeamId
from common.core.languages import language_distance


class Need(NamedTuple):
    """Contacts with the same skill and language wait in one queue.

    With `team_id` only people of that team may have them; None: everybody who fits.
    """

    skill: str
    language: str
    team_id: TeamId | None = None

    @property
    def of_all_teams(self) -> "Need":
        return self._replace(team_id=None)

    def distance(self, skills: Collection[str], languages: Collection[str]) -> int | None:
        """Return how far the closest language is, 0 for the closest; None if nothing fits.

        The team is not looked at.
        """
        if self.skill not in skills:
            return None
        distances = (language_distance(self.language, language) for language in languages)
        return min((distance for distance in distances if distance is not None), default=None)

    @property
    def queue(self) -> str:
        return f"{self.skill}/{self.language}"

    @property
    def wording(self) -> str:
        team = f" of team {self.team_id}" if self.team_id else ""
        return f"{self.skill}, {self.language}{team}"
