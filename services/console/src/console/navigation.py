"""The screens in the navigation, in their order."""

from dataclasses import dataclass
from typing import Final

from common.contracts.event import Role
from console.texts import mark

_ALL: Final[frozenset[Role]] = frozenset(("representative", "supervisor", "manager", "admin"))


@dataclass(frozen=True, slots=True)
class Screen:
    """`key` after `g` opens it from anywhere."""

    name: str
    url: str
    label: str
    key: str
    roles: frozenset[Role] = _ALL

    def is_at(self, path: str) -> bool:
        return path == self.url or path.startswith(f"{self.url}/")


SCREENS: Final = (Screen("now", "/now", mark("Now"), "n"),)


def screens_of(role: Role) -> tuple[Screen, ...]:
    return tuple(screen for screen in SCREENS if role in screen.roles)
