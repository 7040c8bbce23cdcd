"""The channels: to add one, write its file, its settings, and its line below."""

from notifier.channels.apprise import Apprise
from notifier.channels.base import Channel
from notifier.channels.email import Email
from notifier.channels.slack import Slack
from notifier.channels.sms import Sms
from notifier.channels.teams import Teams
from notifier.channels.voice import Voice
from notifier.channels.web_push import WebPush
from notifier.channels.whatsapp import WhatsApp

CHANNELS: tuple[type[Channel], ...] = (Slack, Email, Teams, Apprise, WebPush, Sms, Voice, WhatsApp)
