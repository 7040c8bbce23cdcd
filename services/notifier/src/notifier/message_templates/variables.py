"""What a template may write: texts, and short lists of texts. There is nothing to reach into."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from notifier import rendering
from notifier.domain.content import Content
from notifier.domain.recipients import DEFAULT_LANGUAGE
from notifier.languages import language_of

MAX_ITEMS: Final = 20
# Each with what it says; where a message has none it is an empty text or list.
TEXTS: Final[Mapping[str, str]] = {
    "headline": "What the message is about.",
    "why_now": "Why it comes to this person now.",
    "deadline": "How long there is, as a sentence.",
    "task": "What to press or do.",
    "time_left": "How long there is: `12 min 30 s left`.",
    "due": "Until when, in the zone of the reader.",
    "severity": "`low`, `medium`, `high` or `critical`.",
    "level": "The level of the ladder that is asked.",
    "topic": "What the contact is about, as the channel names it.",
    "channel": "`call`, `email`, `chat`, `ticket` or `case`.",
    "customer": "The name of the customer.",
    "subject": "The subject, in the words of the customer.",
    "representative": "Who serves the customer.",
    "priority": "`low`, `normal`, `high` or `urgent`.",
    "tier": "`standard`, `premium` or `vip`.",
    "contact_language": "The language of the customer.",
    "reason": "The reason of the message, as `raised`.",
}
LISTS: Final[Mapping[str, str]] = {
    "details": "What helps to judge it, a sentence each, with quotations.",
    "circumstances": "Severity, level, priority and the like, a few words each.",
    "held_back": "The headlines of the messages in a summary.",
}
NAMES: Final = frozenset((*TEXTS, *LISTS))
_TOPIC, _NAME, _SUBJECT = 60, 80, 150


def values_of(
    content: Content,
    at: datetime,
    *,
    has_console: bool = False,
    language: str = DEFAULT_LANGUAGE,
) -> dict[str, object]:
    """Return the values of all variables, as they are at `at`, in its time zone."""
    words = rendering.words(content, at, has_console=has_console, language=language)
    contact, respond_by, spoken = content.contact, content.respond_by, language_of(language)
    pages = content.summary.pages if content.summary else ()
    headlines = (rendering.words(page.content, at, language=language).headline for page in pages)
    return {
        "headline": words.headline,
        "why_now": words.why_now,
        "deadline": words.deadline or "",
        "task": words.task,
        "time_left": spoken.left(respond_by, at) if respond_by else "",
        "due": spoken.time(respond_by, at) if respond_by else "",
        "severity": content.severity or "",
        "level": rendering.clipped(content.level_name or "", _NAME),
        "topic": rendering.clipped(contact.topic, _TOPIC) if contact else "",
        "channel": contact.channel if contact else "",
        "customer": rendering.clipped((contact and contact.customer_name) or "", _TOPIC),
        "subject": rendering.clipped(contact.subject, _SUBJECT) if contact else "",
        "representative": rendering.clipped((contact and contact.representative_id) or "", _NAME),
        "priority": contact.priority if contact else "",
        "tier": contact.tier if contact else "",
        "contact_language": rendering.clipped(contact.language, _TOPIC) if contact else "",
        "reason": content.reason,
        "details": list(words.lines[:MAX_ITEMS]),
        "circumstances": list(words.circumstances[:MAX_ITEMS]),
        "held_back": list(headlines)[:MAX_ITEMS],
    }
