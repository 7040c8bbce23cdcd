"""What a person sees on the screen Now, and does there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

# The person must see it within this time, also on a busy machine.
WAIT_S: Final = 60.0
# In a row, in the order in which it offers them.
BUTTONS: Final = ".press .actions > .button, .press .actions > form button"


class RowMissingError(AssertionError):
    """The console did not show a person what it should."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A row as a person saw it; `button` is what it offers first."""

    band: str
    headline: str
    reasons: tuple[str, ...]
    time_left: str
    who: str
    button: str


@dataclass(frozen=True, slots=True)
class Observation:
    """What a person saw, what they pressed then, and what the console showed after it."""

    person: str
    sight: Sight
    pressed: str
    after: str


class ConsoleUser(Protocol):
    """Each method raises RowMissingError if the console does not show it in time.

    `action` is the name of an action, as `take_over`.
    """

    async def find_row(self, escalation_id: str, action: str) -> Sight:
        """Wait until the row of the escalation offers this action first."""
        ...

    async def press(self, escalation_id: str, action: str, form: Mapping[str, str]) -> str:
        """Do what the row offers first, and return how the console confirms it."""
        ...

    async def shows(self, text: str) -> bool:
        """Tell whether the text is anywhere on the screen."""
        ...

    async def wait_until_gone(self, escalation_id: str) -> None:
        """Wait until the escalation is in no list any longer."""
        ...


def on_one_line(text: str) -> str:
    return " ".join(text.split())
