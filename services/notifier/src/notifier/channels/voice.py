"""Calls by Twilio: the headline is read out, twice, and a key answers."""

from datetime import datetime, timedelta
from typing import Final, Self

from common.http.contact_methods import VoiceMethod
from notifier.channels import twiml
from notifier.channels.phone_texts import phone_words, phrase, spoken
from notifier.channels.twilio import PhoneAddress, TwilioAccount, TwilioChannel
from notifier.domain.delivery import Outcome
from notifier.domain.notifications import Notification
from notifier.links import Links
from notifier.settings import Settings

# A mailbox answers after that at most networks.
_RINGING: Final = timedelta(seconds=25)
_LONGEST_TALK: Final = timedelta(seconds=120)


# Its fields are in common, since the API of router takes them too.
class VoiceAddress(VoiceMethod, PhoneAddress): ...


class Voice(TwilioChannel):
    medium = "voice"
    address = VoiceAddress
    needs = "UPSTAIRS_TWILIO_VOICE_FROM"
    # Twilio reports that a call was answered once it has ended.
    longest_call = _RINGING + _LONGEST_TALK

    @classmethod
    def from_settings(cls, settings: Settings, links: Links) -> Self:
        return cls(TwilioAccount.from_settings(settings), links, settings.twilio_voice_from)

    async def send(self, notification: Notification, at: datetime) -> Outcome:
        words = phone_words(notification, self.links, at)
        keys_url = ""
        if words.hint:
            token = self.links.token(notification.notification_id, "press", notification.link_epoch)
            keys_url = self.account.callback(f"keys/{token}")
        fields = {
            "To": VoiceAddress.read(notification.address).number,
            "From": self.sender,
            "Twiml": twiml.call(
                spoken(words), keys_url, phrase("goodbye", words.language), words.language
            ),
            "Timeout": _seconds(_RINGING),
            "TimeLimit": _seconds(_LONGEST_TALK),
            # A mailbox that answers is nobody.
            "MachineDetection": "Enable",
            "StatusCallback": self.account.status_callback(notification),
            "StatusCallbackEvent": "completed",
        }
        return await self.create("Calls", fields, at)


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.0f}"
