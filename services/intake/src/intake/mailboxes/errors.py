"""Why a mailbox can't be read."""


class MailboxError(Exception):
    """The mailbox can't be read now; the reason is for people."""


class TokenRefusedError(MailboxError):
    """The server does not take the access token."""


class InwardAddressError(MailboxError):
    """The server's address is in a network that UPSTAIRS_MAILBOX_NETWORKS does not name."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)
