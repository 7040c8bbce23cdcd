"""The routes of the notifier."""

from collections.abc import Sequence

from common.http.routes import ApiRouter
from notifier.api import (
    acknowledgements,
    callbacks,
    devices,
    mail_stops,
    message_templates,
    notifications,
    recipients,
    status_webhooks,
    write_backs,
)
from notifier.channels.base import Channel
from notifier.channels.web_push import WebPush


def make_routers(channels: Sequence[Channel]) -> tuple[ApiRouter, ...]:
    return (
        recipients.make_router(channels),
        *(devices.make_router(channel) for channel in channels if isinstance(channel, WebPush)),
        notifications.router,
        acknowledgements.router,
        callbacks.make_router(channels),
        status_webhooks.router,
        write_backs.router,
        message_templates.router,
        mail_stops.link_router,
        mail_stops.router,
    )
