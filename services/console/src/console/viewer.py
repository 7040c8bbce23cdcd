"""Who looks at a page. `console.dependencies` gives it to routes."""

from dataclasses import dataclass
from datetime import datetime

from common.contracts.event import PersonRole


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person who has signed in; `language` and `zone` are those of times and texts on pages.

    Nobody is an admin here: no token makes one.
    """

    person: str
    role: PersonRole
    name: str
    language: str
    zone: str
    session_id: str
    session_ends_at: datetime
