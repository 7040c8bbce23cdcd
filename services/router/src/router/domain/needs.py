"""The skill and the language that a contact needs."""

from typing import NamedTuple


class Need(NamedTuple):
    """Contacts with the same need wait in one queue."""

    skill: str
    language: str

    @property
    def queue(self) -> str:
        return f"{self.skill}/{self.language}"
