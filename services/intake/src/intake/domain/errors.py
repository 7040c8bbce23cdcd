"""Why a command is refused."""

from common.contracts.contacts import SurveyKind, SurveyScale
from common.contracts.event import CustomerId
from intake.domain.model import Contact


class ContactNotFoundError(Exception):
    """There is no such contact."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class NotYourContactError(Exception):
    """You do not have this contact. Ask a supervisor, or try again if you have just got it."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class PersonNotYourselfError(Exception):
    """You act for yourself: only a channel says what another person did."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class CustomerNotFoundError(Exception):
    """There is no such customer."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class CustomerMergeTargetError(Exception):
    """A customer is merged into another customer that is known, and not into one merged into it."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class CustomerMergedElsewhereError(Exception):
    """The customer is merged into another one. Unmerge it first."""

    def __init__(self, merged_into: CustomerId) -> None:
        super().__init__(self.__doc__)
        self.merged_into = merged_into


class StaleCustomerError(Exception):
    """The customer was merged or unmerged since you read it. Read it again."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class TooManyContactsError(Exception):
    """The customer has more contacts than can change their customer together."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"More than {limit} contacts would change their customer together.")


class EarlierContactNotFoundError(Exception):
    """There is no earlier contact of this customer as `follows` names it."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class SupervisorQuestionNotFoundError(Exception):
    """Nobody has to say whether the customer of this contact asked for a supervisor."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class SurveyNotFoundError(Exception):
    """No survey with this id was sent about this contact."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class WrongStateError(Exception):
    """The contact is in a state that does not allow this; its work may go on in `merged_into`."""

    def __init__(self, contact: Contact, action: str) -> None:
        state = contact.state.replace("_", " ")
        super().__init__(f"The contact is {state}; it can't be {action}.")
        self.state = contact.state
        self.merged_into = contact.merged_into


class TimeOutOfBoundsError(Exception):
    """`occurred_at` is in the future, or before the contact was received."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class MergeTargetError(Exception):
    """A contact is merged into another contact of the same customer."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class MergeTargetEndedError(Exception):
    """The contact to merge into has ended: no work would go on in it."""

    def __init__(self, target: Contact) -> None:
        detail = (
            f"The contact to merge into is {target.state}. Name one that is open, or reopen it."
        )
        super().__init__(detail)
        self.state = target.state
        self.merged_into = target.merged_into


class ResolutionNotFoundError(Exception):
    """The contact has not been resolved so many times."""

    def __init__(self, resolution_no: int, latest: int) -> None:
        if latest:
            text = f"The contact has no resolution number {resolution_no}; the latest is {latest}."
        else:
            text = "The contact was never resolved, so there is no resolution to ask about."
        super().__init__(text)


class InteractionNotOverError(Exception):
    """The interaction ends in the future. Record it when it is over."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ScoreOutOfScaleError(Exception):
    """The score does not lie on the scale of this kind of survey."""

    def __init__(self, kind: SurveyKind, scale: SurveyScale) -> None:
        super().__init__(f"A survey of kind {kind} is answered on the scale {scale}.")


class KeyReusedError(Exception):
    """The same key or id was used before for another request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} was used before for another request.")


class OtherCustomerError(Exception):
    """The contact with this `external_ref` is another customer's. Nothing was added to it."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class ConnectionNotFoundError(Exception):
    """There is no such connection."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class StaleConnectionError(Exception):
    """The connection has changed since you read it, or there is one already. Read it again."""

    def __init__(self, version: int | None) -> None:
        super().__init__(self.__doc__)
        self.version = version


class InvalidConnectionError(Exception):
    """The connection can't be as it was put; `place` is a part of it."""

    def __init__(self, place: str, detail: str) -> None:
        super().__init__(detail)
        self.place = place


class WeakSecretError(InvalidConnectionError):
    """The secret is too easy to guess."""
