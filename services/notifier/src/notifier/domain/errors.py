"""What can be wrong with an answer, a link's notification, or a recipient."""

from collections.abc import Iterable
from datetime import timedelta

from common.contracts.notifications import Medium
from notifier.domain.escalations import Escalation


class NotificationNotFoundError(Exception):
    """There is no such notification."""


class NotPagedError(Exception):
    """You were not asked about this escalation, so you cannot answer for it."""


class NotHeldError(Exception):
    """Nobody holds it: acknowledge it first."""


class NothingToAcknowledgeError(Exception):
    """This message is for your information. There is nothing to acknowledge."""


class NoMessageWaitsError(NothingToAcknowledgeError):
    """No message waits for your answer."""


class ApprovalRequiredError(NothingToAcknowledgeError):
    """Your approval is needed: approve or refuse in Upstairs. There is nothing to acknowledge."""


class AnswerTooLateError(Exception):
    """The escalation no longer waits for an answer."""

    def __init__(self, escalation: Escalation) -> None:
        super().__init__(self.__doc__)
        self.escalation = escalation


class ChannelUserTakenError(Exception):
    """Another recipient already has this user of the channel."""

    def __init__(self, media: Iterable[Medium]) -> None:
        super().__init__(
            f"Another recipient already has this user or number of {' or '.join(media)}."
        )


class AttemptUnderWayError(Exception):
    """The message is being sent. Report what became of it a moment later."""


class SecretAddressesOffError(Exception):
    """Set UPSTAIRS_ENCRYPTION_KEYS first: this address is a secret, which is stored encrypted."""


class AddressIncompleteError(Exception):
    """A new address needs its URL. It can be left out only if one was put before."""


class ContactMethodNotAllowedError(Exception):
    """This is not an address that Upstairs may write to."""


class LinkVoidError(Exception):
    """This link is void: the contact methods of its recipient changed, or the recipient left."""


class LinkPurposeError(Exception):
    """This link only shows the message. Answer by the message itself, or in Upstairs."""


class RecipientNotFoundError(Exception):
    """There is no such recipient."""


class TooManyChangesError(Exception):
    """The contact methods of this person changed too often. Wait an hour, or ask an admin."""


class DeviceForbiddenError(Exception):
    """Only the person adds a device, in the browser that shows the notifications."""


class DeviceNotFoundError(Exception):
    """There is no such device."""


class WebPushOffError(Exception):
    """Notifications on devices are switched off: operators set UPSTAIRS_WEB_PUSH_KEY."""


class PushServiceError(Exception):
    """The endpoint is not of a push service that Upstairs may call."""


class RecipientForbiddenError(Exception):
    """Contact methods are for the person, the managers above that person, and admins."""


class OperationsForbiddenError(RecipientForbiddenError):
    """Only an admin sets the recipient operations."""


class OperationsAddressError(Exception):
    """The recipient operations needs at least one address: it gets the alarms of the system."""


class NotYourselfError(Exception):
    """Only the person does this: nobody else can tell whether messages arrive."""


class AddressNotFoundError(Exception):
    """The person has no address of this medium."""


class TooSoonError(Exception):
    """It was sent too often. Wait a while."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(self.__doc__)
        self.wait = wait


class TooManyCodesError(TooSoonError):
    """A code was sent there less than a minute ago, or five in the last hour. Wait a while."""


class WrongCodeError(Exception):
    """The code is not the one that was sent last, or is no longer valid. Ask for another."""


class TooManyTestsError(TooSoonError):
    """A test was sent less than a minute ago, or five in the last hour. Wait a while."""


class NothingToTestError(Exception):
    """The person has no address to test."""


class TestNotFoundError(Exception):
    """No test was sent."""


class OperationsQuietHoursError(Exception):
    """The recipient operations has no quiet hours: it gets the alarms of the system."""


class StatusWebhooksOffError(Exception):
    """Status webhooks are switched off: operators set UPSTAIRS_ENCRYPTION_KEYS."""


class StatusWebhookNotFoundError(Exception):
    """There is no status webhook of this system."""


class StatusWebhookForbiddenError(Exception):
    """A channel sets only its own status webhook; managers set all."""


class StatusWebhookChangedError(Exception):
    """The webhook is no longer as you have read it, or is there already. Read it again."""


class ReceiverRefusedError(Exception):
    """The address is not one that status webhooks may call."""


class MaintenanceNotFoundError(Exception):
    """There is no such maintenance window."""


class MaintenanceTimesError(Exception):
    """The maintenance window has ended already, or begins in more than a month."""


class WriteBackNotFoundError(Exception):
    """Nothing is written back to this connection."""


class WriteBacksOffError(Exception):
    """Write-backs are switched off: operators set UPSTAIRS_ENCRYPTION_KEYS."""


class StaleWriteBackError(Exception):
    """The write-back was changed since you read it, or is there already. Read it again."""


class CaseWriteNotFoundError(Exception):
    """There is no such write to this connection."""


class CaseWriteNotFailedError(Exception):
    """Only a write that failed is tried again."""


class CaseWriteOutdatedError(Exception):
    """A later step was or is being written to the case: this write would undo it."""


class CredentialsMissingError(Exception):
    """Credentials are needed for a new write-back, and for another address."""


class AddressNotAllowedError(Exception):
    """The address is not of a system that Upstairs may call: see UPSTAIRS_WRITE_BACK_SYSTEMS."""


class StaleRecipientError(Exception):
    """The recipient was changed since you read it, or is there already. Read it again."""


class StaleTemplateError(Exception):
    """The template was changed since you read it, or is there already. Read it again."""


class TemplateVersionNotFoundError(Exception):
    """The template never had this version."""


class TemplateInvalidError(Exception):
    """The template can't be used: `problems` names the part and says why."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(self.__doc__)
        self.problems = problems
