"""The skill and the language that a contact needs."""

from collections.abc import Collection
from typing import NamedTuple

from common.core.languages import language_distance


class Need(NamedTuple):
    """Contacts with the same need wait in one queue."""

    skill: str
    language: str

    def distance(self, skills: Collection[str], languages: Collection[str]) -> int | None:
        """Return how far the closest language is, 0 for the closest; None if nothing fits."""
        if self.skill not in skills:
            return None
        distances = (language_distance(self.language, language) for language in languages)
        return min((distance for distance in distances if distance is not None), default=None)

    @property
    def queue(self) -> str:
        return f"{self.skill}/{self.language}"
