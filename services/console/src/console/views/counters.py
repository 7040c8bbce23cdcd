"""The numbers above a screen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counter:
    """`value` is None if the service that has the number does not answer.

    By the `name` board.js finds it; a counter that stays as the page has it needs none.
    """

    label: str
    value: int | str | None
    is_warning: bool = False
    name: str | None = None
