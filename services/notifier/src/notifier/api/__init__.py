"""The routes of the notifier."""

from collections.abc import Sequence

from common.http.routes import ApiRouter
from notifier.api import acknowledgements, callbacks, notifications, recipients
from notifier.channels.base import Channel


def make_routers(channels: Sequence[Channel]) -> tuple[ApiRouter, ...]:
    return (
        recipients.make_router(channels),
        notifications.router,
        acknowledgements.router,
        callbacks.make_router(channels),
    )
