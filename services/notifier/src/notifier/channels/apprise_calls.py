"""Calls services by the library apprise: this module is imported with the first such message."""

import logging
import re
import threading
from typing import Final

import apprise

from notifier.channels.apprise import Message
from notifier.channels.http_client import by_status
from notifier.domain.delivery import Outcome, Refused, Sent, Unknown

_STATUS: Final = re.compile(r"error=(\d{3})\b")


def send(url: str, message: Message, timeout_s: float) -> Outcome:
    """Call the service; it waits for the answer."""
    statuses = _Statuses.shared()
    asset = apprise.AppriseAsset(
        async_mode=False, allow_templates=False, http_redirects=False, secure_logging=True
    )
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        return Refused("the address is not complete")
    # Both together end before the attempt counts as lost.
    service.socket_connect_timeout = service.socket_read_timeout = timeout_s / 2
    statuses.forget()
    kind = apprise.NotifyType.WARNING if message.is_urgent else apprise.NotifyType.INFO
    is_sent = service.notify(body=message.text, title=message.title, notify_type=kind)
    return Sent({}) if is_sent else failure(statuses.last())


def failure(status: int | None) -> Outcome:
    """Return what it means that a service did not take the message, by its status of HTTP."""
    if status is None:
        return Unknown("the service gave no answer")
    return by_status(f"the service answered {status}", status)


class _Statuses(logging.Handler):
    """Reads the status of HTTP from what the library logs in a thread.

    The rest goes nowhere: it names tokens and chats.
    """

    _shared: "_Statuses | None" = None
    _making = threading.Lock()

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._of_thread = threading.local()

    @classmethod
    def shared(cls) -> "_Statuses":
        with cls._making:
            if cls._shared is None:
                cls._shared = cls()
                logger = logging.getLogger("apprise")
                logger.handlers = [cls._shared]
                logger.propagate = False
                logger.setLevel(logging.WARNING)
                # It logs each path, and some services have the token in it.
                logging.getLogger("urllib3").setLevel(logging.WARNING)
            return cls._shared

    def forget(self) -> None:
        self._of_thread.status = None

    def last(self) -> int | None:
        status: int | None = self._of_thread.status
        return status

    def emit(self, record: logging.LogRecord) -> None:
        if match := _STATUS.search(record.getMessage()):
            self._of_thread.status = int(match[1])
