"""Why router refuses an action."""

from typing import TYPE_CHECKING

from common.contracts.event import PersonId

if TYPE_CHECKING:
    from router.domain.staffing.people import Person


class RepresentativeNotFoundError(Exception):
    """There is no representative with this id."""


class PersonNotFoundError(Exception):
    """There is no such person."""


class PersonForbiddenError(Exception):
    """Managers put the people below them, and admins put everybody; the message says more."""


class InvalidPersonError(Exception):
    """The entry does not fit those of the others; `place` is the field."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(detail)
        self.place = place


class StalePersonError(Exception):
    """The person has changed since you read the entry."""

    def __init__(self, current: "Person | None") -> None:
        super().__init__(self.__doc__ if current else "There is no such person.")
        self.current = current


class FrequentChangesError(Exception):
    """The contact methods of this person changed too often. Wait an hour, or ask an admin."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class AssignmentNotFoundError(Exception):
    """Router has received no contact with this id."""


class NotHolderError(Exception):
    """The contact is with another representative."""

    def __init__(self, holder: PersonId) -> None:
        super().__init__(f"The contact is with {holder}.")


class WrongStateError(Exception):
    """The assignment is not in a state that allows this."""

    def __init__(self, state: str, detail: str | None = None) -> None:
        self.state = state
        super().__init__(detail or f"The assignment is {state.replace('_', ' ')}.")
