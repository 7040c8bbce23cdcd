"""What must be so before a change: nobody shall overwrite what they have not read."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Precondition:
    """`versions` are those that the caller has read; None accepts any, and a new thing too.

    `is_new`: there must be no such thing yet.
    """

    versions: Container[int] | None = None
    is_new: bool = False

    def holds(self, version: int | None) -> bool:
        """Return whether the change may happen; `version` is None where there is no such thing."""
        if version is None:
            return self.versions is None
        return not self.is_new and (self.versions is None or version in self.versions)


NO_PRECONDITION: Final = Precondition()
