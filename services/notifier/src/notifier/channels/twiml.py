"""TwiML: what Twilio is told to say, to ask and to write back."""

from collections.abc import Mapping
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from common.core.text import one_line
from notifier.languages import language_of

MEDIA_TYPE: Final = "text/xml"
# How long a call waits for a key once all was said.
_KEY_WAIT_S: Final = "8"


# The voices of Twilio that read each language; which voice of these, the account says.
_VOICES: Final[Mapping[str, str]] = {
    "en": "en-US",
    "de": "de-DE",
    "es": "es-ES",
    "fr": "fr-FR",
    "pt": "pt-PT",
    "it": "it-IT",
}


def call(text: str, action_url: str, goodbye: str, language: str) -> str:
    """Say it twice, and take one key meanwhile; without `action_url` no key is asked for."""
    response = Element("Response")
    asks = bool(action_url)
    if asks:
        attributes = {"numDigits": "1", "timeout": _KEY_WAIT_S, "action": action_url}
        speaker = SubElement(response, "Gather", {**attributes, "method": "POST"})
    else:
        speaker = response
    _say(speaker, text, language)
    SubElement(speaker, "Pause", {"length": "1"})
    _say(speaker, text, language)
    if asks:
        _say(response, goodbye, language)
    return _written(response)


def saying(text: str, language: str) -> str:
    response = Element("Response")
    _say(response, text, language)
    return _written(response)


def message(text: str) -> str:
    """Write back; without a text, nothing is written back."""
    response = Element("Response")
    if text:
        SubElement(response, "Message").text = one_line(text)
    return _written(response)


def _say(parent: Element, text: str, language: str) -> None:
    # The voice reads what is written in its language; without a catalogue that is English.
    voice = _VOICES[language_of(language).name]
    # Also without characters that XML has not, whatever a customer is called.
    SubElement(parent, "Say", {"language": voice}).text = one_line(text)


def _written(response: Element) -> str:
    return tostring(response, "unicode", xml_declaration=False)
