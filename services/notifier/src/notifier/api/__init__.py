"""The routes of the notifier."""

from collections.abc import Sequence

from common.http.routes import ApiRouter
from notifier.api import (
    acknowledgements,
    callbacks,
    devices,
    mail_reports,
    mail_stops,
    maintenance,
    message_templates,
    notifications,
    own_requests,
    recipients,
    status_webhooks,
    twilio_callbacks,
    write_backs,
)
from notifier.channels.base import Channel
from notifier.channels.twilio import TwilioChannel
from notifier.channels.web_push import WebPush


def make_routers(channels: Sequence[Channel]) -> tuple[ApiRouter, ...]:
    # All have the same account, and its callbacks are for all.
    by_twilio = [channel for channel in channels if isinstance(channel, TwilioChannel)][:1]
    return (
        recipients.make_router(channels),
        own_requests.router,
        *(devices.make_router(channel) for channel in channels if isinstance(channel, WebPush)),
        notifications.router,
        maintenance.router,
        acknowledgements.router,
        callbacks.make_router(channels),
        *(twilio_callbacks.make_router(channel) for channel in by_twilio),
        mail_reports.router,
        status_webhooks.router,
        write_backs.router,
        message_templates.router,
        mail_stops.link_router,
        mail_stops.router,
    )
