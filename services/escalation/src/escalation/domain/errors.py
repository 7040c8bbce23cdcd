"""All errors of the domain."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from common.contracts.validation_messages import InvalidField

if TYPE_CHECKING:
    from escalation.domain.model import Escalation, EscalationState
    from escalation.domain.settings.registry import Versioned
    from escalation.domain.situation import Situation

# Why an action is refused, for clients that say it in their own words.
RefusalCode = Literal[
    "wrong-state",
    "held-by-you",
    "held-by-other",
    "complaint-about-you",
    "line-manager",
    "no-snoozes-left",
    "nobody-above",
    "own-request",
    "limit-exceeded",
    "other-escalation-open",
    "snooze-too-long",
    "complaint-about-other",
    "line-manager-of-other",
    "forbidden",
]
# Why duty is not changed as somebody wishes.
DutyRefusalCode = Literal[
    "change-over",
    "change-in-the-past",
    "change-without-effect",
    "changes-too-many",
    "change-taken-back",
    "person-without-turn",
    "person-absent",
    "requests-too-many",
    "shifts-changed",
]
Parameter = str | int | float


class ContactNotFoundError(Exception):
    """There is no such contact."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ContactNotOpenError(Exception):
    """The contact is not open."""


class EscalationNotFoundError(Exception):
    """There is no such escalation."""


class ForbiddenError(Exception):
    """This person may not do it; `detail` says who may, `parameters` what that names."""

    def __init__(
        self, detail: str, code: RefusalCode = "forbidden", **parameters: Parameter
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.parameters = parameters


class NotConcernedError(Exception):
    """A complaint is about somebody else who has or had the contact, or acted on its escalation."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ComplaintNotFoundError(Exception):
    """There is no such complaint."""


class ComplaintOpenError(Exception):
    """You have an open complaint about this person, or the contact has too many complaints."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ComplaintClosedError(Exception):
    """The complaint is not open."""

    def __init__(self, state: str) -> None:
        super().__init__(f"It is {state} already.")


class ComplaintRateError(Exception):
    """You have complained too often within a day."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(self.__doc__)
        self.retry_after = retry_after


class RefusedError(Exception):
    """The state of the escalation does not allow this."""

    def __init__(
        self,
        state: "EscalationState",
        detail: str,
        code: RefusalCode = "wrong-state",
        **parameters: Parameter,
    ) -> None:
        super().__init__(detail)
        self.state = state
        self.code = code
        self.parameters = parameters


class PastTimeError(Exception):
    """The time must be in the future; the argument is its field."""

    def __init__(self, field: str) -> None:
        super().__init__("must be in the future")
        self.field = field


class EscalationConflictError(Exception):
    """The action does not fit the escalation as it is now."""

    def __init__(
        self,
        detail: str,
        situation: "Situation",
        escalation: "Escalation",
        refusal: RefusedError | None = None,
    ) -> None:
        super().__init__(detail)
        self.situation = situation
        self.escalation = escalation
        self.refusal = refusal


class WrongStateError(EscalationConflictError):
    """The state does not allow the action; `current` is the escalation as it is."""


class StaleEscalationError(EscalationConflictError):
    """It is not at the version that you have read; `current` is the escalation as it is."""


class InvalidSettingError(Exception):
    """A setting contradicts the others; `errors` say where and why."""

    def __init__(self, errors: list[InvalidField]) -> None:
        super().__init__(errors)
        self.errors = errors


class SimulationNotFoundError(Exception):
    """There is no such simulation, or somebody else asked for it."""


class TooManySimulationsError(Exception):
    """Too many simulations wait or run already; cancel yours, or wait until they end."""


class SettingNotFoundError(Exception):
    """There is no such setting."""


class SettingInUseError(Exception):
    """Other settings (`used_by`) or open contacts (`open_contacts`) need it."""

    def __init__(self, used_by: Sequence[str], open_contacts: int, choices: Sequence[str]) -> None:
        if used_by:
            message = f"Other settings name it: {', '.join(used_by)}. Change them first."
        else:
            message = (
                f"{open_contacts} open contacts depend on it. "
                f"Choose what becomes of them: open_contacts={' or '.join(choices)}."
            )
        super().__init__(message)
        self.used_by, self.open_contacts = tuple(used_by), open_contacts


class LimitBelowError(Exception):
    """The limit of supervisors would be above that of managers: lower theirs first."""

    def __init__(self, places: list[str]) -> None:
        super().__init__(self.__doc__)
        self.places = places


class StaleSettingError(Exception):
    """It is not at the version that you have read; `current` is the setting in force."""

    def __init__(self, current: "Versioned[Any] | None") -> None:
        super().__init__(
            "The setting has changed since you read it." if current else "There is no such setting."
        )
        self.current = current


class UnknownPersonError(Exception):
    """There is no such person here; the arguments are the field and the name."""

    def __init__(self, field: str, person: str, *, has_left: bool = False) -> None:
        super().__init__(f"{person} has left." if has_left else self.message(person))
        self.field = field
        self._code = "person-has-left" if has_left else "person-unknown"
        self._person = person

    @property
    def as_field(self) -> InvalidField:
        return InvalidField(self.field, str(self), self._code, {"people": [self._person]})

    @staticmethod
    def message(person: str) -> str:
        return (
            f"There is no person {person} yet: put that person in router first, with"
            f" PUT /v1/people/{person}. It takes a moment until this service hears of it."
        )


class ChangeNotFoundError(Exception):
    """There is no such override or swap; one that is over is not listed."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ChangeRequestNotFoundError(Exception):
    """There is no such request, or it is not for you to answer."""


class ChangeRequestClosedError(Exception):
    """The request was answered, or it has expired."""


class NotOwnShiftError(Exception):
    """The change takes a manager, or somebody above the people whose shifts it changes."""


class InvalidChangeError(Exception):
    """The schedule can't be changed like this."""

    def __init__(self, detail: str, code: DutyRefusalCode, **parameters: Parameter) -> None:
        super().__init__(detail)
        self.code = code
        self.parameters = parameters
