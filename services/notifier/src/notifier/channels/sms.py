"""Text messages by Twilio."""

from datetime import datetime
from typing import Self

from common.http.contact_methods import SmsMethod
from notifier.channels.phone_texts import custom_text_message, phone_words, text_message
from notifier.channels.twilio import PhoneAddress, TwilioAccount, TwilioChannel
from notifier.domain.delivery import Outcome
from notifier.domain.notifications import Notification
from notifier.links import Links
from notifier.settings import Settings

# Of a messaging service, which chooses among several numbers.
_SERVICE = "MG"


# Its fields are in common, since the API of router takes them too.
class SmsAddress(SmsMethod, PhoneAddress): ...


class Sms(TwilioChannel):
    """`sender` is a number, a short code, or the id of a messaging service."""

    medium = "sms"
    address = SmsAddress
    needs = "UPSTAIRS_TWILIO_SMS_FROM"

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self:
        return cls(TwilioAccount.from_settings(settings), links, settings.twilio_sms_from)

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        words = phone_words(notification, self.links, at)
        custom = self.templates.text_of(
            notification, notification.local(at), has_console=self.links.has_console
        )
        text = text_message(words) if custom is None else custom_text_message(custom, words)
        sender = "MessagingServiceSid" if self.sender.startswith(_SERVICE) else "From"
        fields = {
            "To": SmsAddress.read(notification.address).number,
            sender: self.sender,
            "Body": text,
            "StatusCallback": self.account.status_callback(notification),
        }
        return await self.create("Messages", fields, at)
