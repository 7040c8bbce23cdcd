"""Why router refuses an action."""

from common.contracts.event import PersonId


class RepresentativeNotFoundError(Exception):
    """There is no representative with this id."""


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
