"""What telephones get: the words of a text message, a template of WhatsApp, and a call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from notifier import rendering
from notifier.channels.message_links import open_link
from notifier.domain import answers, sms_segments
from notifier.domain.notifications import Notification
from notifier.domain.recipients import DEFAULT_LANGUAGE
from notifier.links import Links
from notifier.message_templates.library import MessageText

MAX_SEGMENTS: Final = 2
# A shorter rest of a headline says nothing: the link gives way to it.
_SHORTEST_HEADLINE: Final = 40
# Said in about 20 s, and twice within the 4,000 characters that a call may have.
_LONGEST_SPOKEN: Final = 240
_LONGEST_SPOKEN_DEADLINE: Final = 80
_LONGEST_VARIABLE: Final = 300


@dataclass(frozen=True, slots=True)
class PhoneWords:
    """`hint` says how to answer; it is empty if nothing is asked."""

    headline: str
    deadline: str
    hint: str
    link: str
    language: str = DEFAULT_LANGUAGE


def phone_words(notification: Notification, links: Links, at: datetime) -> PhoneWords:
    content = notification.content
    language, local = notification.language, notification.local(at)
    words = rendering.words(content, local, has_console=links.has_console, language=language)
    headline = str(words.headline)
    if content.summary and content.summary.pages:
        first = rendering.words(content.summary.pages[0].content, local, language=language)
        headline = f"{headline}. {phrase('first_of_summary', language, headline=first.headline)}"
    return PhoneWords(
        headline=headline,
        deadline=str(words.deadline or ""),
        hint=phrase("reply_hint", language) if answers.has_buttons(notification) else "",
        link=_link(notification, links),
        language=language,
    )


def text_message(words: PhoneWords) -> str:
    """Write a text of two segments at most: what does not fit goes, how to answer never does.

    First the deadline goes, then the end of the headline, then the link.
    """
    headline, deadline = _sentence(words.headline), sms_segments.plain(words.deadline)
    whole = _joined(headline, deadline, words.hint, words.link)
    if sms_segments.count_segments(whole) <= MAX_SEGMENTS:
        return whole
    return _cut(headline, words.hint, words.link) or _cut(headline, words.hint) or words.hint


def custom_text_message(custom: MessageText, words: PhoneWords) -> str:
    """Write a text by a template that is set; the link gives way, how to answer never does."""
    body = sms_segments.plain(" ".join(custom.body.split()))
    text = f"{_sentence(custom.title)} {body}"
    most = sms_segments.MAX_CUSTOM_SEGMENTS
    whole = _joined(text, words.hint, words.link)
    if sms_segments.count_segments(whole) <= most:
        return whole
    ending = _joined("", words.hint)
    return sms_segments.fit(text, most, ending) + ending


def spoken(words: PhoneWords) -> str:
    text = phrase(
        "spoken",
        words.language,
        headline=rendering.cut(words.headline, _LONGEST_SPOKEN),
        deadline=rendering.cut(words.deadline, _LONGEST_SPOKEN_DEADLINE),
    )
    return f"{text} {phrase('keys', words.language)}" if words.hint else text


def template_variables(words: PhoneWords) -> dict[str, str]:
    """Return the variables of WhatsApp's template, of which none may be empty."""
    values = (words.headline, words.deadline, words.link)
    return {
        str(number): rendering.cut(value, _LONGEST_VARIABLE) or "-"
        for number, value in enumerate(values, 1)
    }


def phrase(part: str, language: str, **values: str) -> str:
    return rendering.text("phone/words.j2", language=language, part=part, **values)


def _link(notification: Notification, links: Links) -> str:
    if notification.kind == "notice":
        # A message to an address that is no longer used has no link.
        return ""
    return open_link(notification, notification.link_epoch, links).url


def _cut(headline: str, *rest: str) -> str:
    """Return the beginning of the headline that has room beside the rest, if it says something."""
    ending = _joined("", *rest)
    kept = sms_segments.fit(headline, MAX_SEGMENTS, ending)
    is_enough = len(kept) >= min(len(headline), _SHORTEST_HEADLINE)
    return kept + ending if is_enough else ""


def _sentence(text: str) -> str:
    line = sms_segments.plain(text)
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _joined(first: str, *rest: str) -> str:
    return " ".join([first, *filter(None, rest)])
