"""The screens in the navigation, in their order."""

from dataclasses import dataclass
from typing import Final

from common.contracts.event import PersonRole
from console.texts import mark

LEADERS: Final[frozenset[PersonRole]] = frozenset(("supervisor", "manager"))
_ALL: Final[frozenset[PersonRole]] = LEADERS | {"representative"}


@dataclass(frozen=True, slots=True)
class Screen:
    """`key` after `g` opens it from anywhere."""

    name: str
    url: str
    label: str
    key: str
    roles: frozenset[PersonRole] = _ALL

    def is_at(self, path: str) -> bool:
        return path == self.url or path.startswith(f"{self.url}/")


SCREENS: Final = (
    Screen("now", "/now", mark("Now"), "n"),
    Screen("floor", "/floor", mark("Floor"), "f", LEADERS),
    Screen("mine", "/mine", mark("Mine"), "m"),
    Screen("duty", "/duty", mark("Duty"), "d", LEADERS),
    Screen("settings", "/settings", mark("Settings"), "s", LEADERS),
)


def screens_of(role: PersonRole) -> tuple[Screen, ...]:
    return tuple(screen for screen in SCREENS if role in screen.roles)
