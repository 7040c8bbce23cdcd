"""Why router refuses an action."""


class RepresentativeNotFoundError(Exception):
    """There is no representative with this id."""


class AssignmentNotFoundError(Exception):
    """Router has received no contact with this id."""


class NotHolderError(Exception):
    """The contact is no longer with you."""


class WrongStateError(Exception):
    """The assignment is not in a state that allows this."""

    def __init__(self, state: str, detail: str | None = None) -> None:
        self.state = state
        super().__init__(detail or f"The assignment is {state.replace('_', ' ')}.")
