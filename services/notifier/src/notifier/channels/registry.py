"""The channels: to add one, write its file, its settings, and its line below."""

from notifier.channels.apprise import Apprise
from notifier.channels.base import Channel
from notifier.channels.email import Email
from notifier.channels.slack import Slack
from notifier.channels.teams import Teams
from notifier.channels.web_push import WebPush

CHANNELS: tuple[type[Channel], ...] = (Slack, Email, Teams, Apprise, WebPush)
