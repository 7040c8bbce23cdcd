"""Why an action on an assignment is refused."""

from common.contracts.event import PersonId


class RepresentativeNotFoundError(Exception):
    """No representative has this id."""


class AssignmentNotFoundError(Exception):
    """No contact with this id has come to the router."""


class NotHolderError(Exception):
    """The contact is with somebody else."""

    def __init__(self, holder: PersonId) -> None:
        super().__init__(f"The contact is with {holder}.")


class WrongStateError(Exception):
    """The assignment is not in a state that allows this."""

    def __init__(self, state: str, detail: str | None = None) -> None:
        self.state = state
        super().__init__(detail or f"The assignment is {state.replace('_', ' ')}.")
