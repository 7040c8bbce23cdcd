"""The kinds of channels. A new kind is one file and one line here."""

from collections.abc import Mapping
from typing import Final

from intake.channels.base import Channel, RefusalOverLimit
from intake.channels.cloud_events import CloudEvents
from intake.channels.dynamics import Dynamics
from intake.channels.imap import Imap
from intake.channels.mailgun import Mailgun
from intake.channels.salesforce import Salesforce
from intake.channels.sendgrid import SendGrid
from intake.channels.slack import Slack
from intake.channels.standard_webhooks import StandardWebhooks
from intake.channels.twilio import Twilio
from intake.channels.zendesk import Zendesk

_KINDS: tuple[Channel, ...] = (
    CloudEvents(),
    Dynamics(),
    Imap(),
    Mailgun(),
    Salesforce(),
    SendGrid(),
    Slack(),
    StandardWebhooks(),
    Twilio(),
    Zendesk(),
)

# What they post has the files of a mail in it.
MAIL_KINDS: Final = (Mailgun.kind, SendGrid.kind)
# Their senders wait and send again after 429; of the others, no guide says so.
REFUSALS_OVER_LIMIT: Final[Mapping[str, RefusalOverLimit]] = {
    CloudEvents.kind: RefusalOverLimit(429),
    StandardWebhooks.kind: RefusalOverLimit(429),
    # It waits for less than a minute.
    Zendesk.kind: RefusalOverLimit(429, longest_wait_s=59),
}
CHANNELS: Final[Mapping[str, Channel]] = {channel.kind: channel for channel in _KINDS}
