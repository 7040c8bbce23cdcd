"""What can be wrong with an answer, a link's notification, or a recipient."""

from notifier.domain.escalations import Escalation


class NotificationNotFoundError(Exception):
    """There is no such notification."""


class NotPagedError(Exception):
    """You were not asked about this escalation, so you cannot answer for it."""


class NothingToAcknowledgeError(Exception):
    """This message is for your information. There is nothing to acknowledge."""


class ApprovalRequiredError(NothingToAcknowledgeError):
    """Your approval is needed: approve or refuse in Upstairs. There is nothing to acknowledge."""


class AnswerTooLateError(Exception):
    """The escalation no longer waits for an answer."""

    def __init__(self, escalation: Escalation) -> None:
        super().__init__(self.__doc__)
        self.escalation = escalation


class ChannelUserTakenError(Exception):
    """Another recipient already has this user of the channel."""
