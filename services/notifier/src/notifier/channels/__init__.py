"""One file per outside system that carries notifications."""

from datetime import datetime
from typing import Protocol

from notifier.domain.delivering import Outcome
from notifier.domain.notifications import Notification


class Channel(Protocol):
    async def send(self, notification: Notification, at: datetime) -> Outcome:
        """Make one attempt; what goes wrong on the way is an outcome, not an exception."""

    async def close(self) -> None: ...
