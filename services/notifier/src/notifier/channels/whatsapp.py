"""WhatsApp by Twilio: a template, since free text is only for who wrote within a day."""

from datetime import datetime
from typing import Self

import orjson

from common.http.contact_methods import WhatsAppMethod
from notifier.channels.phone_texts import phone_words, template_variables
from notifier.channels.twilio import PhoneAddress, TwilioAccount, TwilioChannel
from notifier.domain.delivery import Outcome
from notifier.domain.notifications import Notification
from notifier.links import Links
from notifier.settings import Settings


# Its fields are in common, since the API of router takes them too.
class WhatsAppAddress(WhatsAppMethod, PhoneAddress): ...


class WhatsApp(TwilioChannel):
    """`template` is Twilio's id of a template with three variables: headline, deadline, link."""

    medium = "whatsapp"
    address = WhatsAppAddress
    needs = "UPSTAIRS_TWILIO_WHATSAPP_FROM and UPSTAIRS_TWILIO_WHATSAPP_CONTENT_SID"

    def __init__(self, account: TwilioAccount, links: Links, sender: str, template: str) -> None:
        super().__init__(account, links, sender.removeprefix("whatsapp:") if template else "")
        self._template = template

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self:
        account = TwilioAccount.from_settings(settings)
        sender, template = settings.twilio_whatsapp_from, settings.twilio_whatsapp_content_sid
        return cls(account, links, sender, template)

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        words = phone_words(notification, self.links, at)
        fields = {
            "To": f"whatsapp:{WhatsAppAddress.read(notification.address).number}",
            "From": f"whatsapp:{self.sender}",
            "ContentSid": self._template,
            "ContentVariables": orjson.dumps(template_variables(words)).decode(),
            "StatusCallback": self.account.status_callback(notification),
        }
        return await self.create("Messages", fields, at)
