"""Why router refuses an action."""

from typing import Literal

# Why an entry is not put, for clients that say it in another language.
EntryRefusalCode = Literal[
    "reserved-name",
    "needed-for-contacts",
    "reported-to",
    "cycle",
    "person-unknown",
    "person-has-left",
]


class RepresentativeNotFoundError(Exception):
    """There is no representative with this id."""


class PersonNotFoundError(Exception):
    """There is no such person."""


class PersonForbiddenError(Exception):
    """Managers put the people below them, and admins put everybody; `detail` says more."""


class InvalidPersonError(Exception):
    """The entry does not fit those of the others; `place` is the field."""

    def __init__(
        self, place: str, detail: str, code: EntryRefusalCode, people: tuple[str, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.place = place
        self.code = code
        self.people = people


class FrequentChangesError(Exception):
    """The contact methods of this person changed too often. Wait an hour, or ask an admin."""


class AssignmentNotFoundError(Exception):
    """Router has received no contact with this id."""


class NotHolderError(Exception):
    """The contact is no longer with you."""


class WrongStateError(Exception):
    """The assignment is not in a state that allows this."""

    def __init__(self, state: str, detail: str | None = None) -> None:
        self.state = state
        super().__init__(detail or f"The assignment is {state.replace('_', ' ')}.")


class InvalidAdjustmentError(Exception):
    """The adjustment does not fit the person; `place` is the field."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(detail)
        self.place = place
