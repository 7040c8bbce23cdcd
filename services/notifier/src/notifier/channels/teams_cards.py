"""What messages in Microsoft Teams look like: Adaptive Cards, cut to what Teams takes.

Words of strangers are only in text runs, in which Teams reads no Markdown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from notifier import rendering
from notifier.channels.message_links import Link, links_of, open_link
from notifier.domain.content import HeldPage
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for
from notifier.links import Links
from notifier.message_templates.library import MessageText

# Teams refuses a post of more than 28 KB, and a workflow has answered 202 by then.
MAX_BYTES: Final = 28_000
_VERSION: Final = "1.4"
# Marks of Markdown, which Teams reads in the values of facts.
_MARKDOWN: Final = str.maketrans(dict.fromkeys("*_[]()`~#<>\\", " "))
# `{{DATE(…)}}` would be a function.
_FUNCTION: Final = ("{{", "{ {")


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of a message is written: characters of a text, pages of a summary and their answers.

    A page that has no answers has the link that opens it.
    """

    text: int
    details: int = 20
    pages: int = 20
    answers: int = 20


# The first with which the message is small enough counts.
_CUTS: Final = (
    Cut(text=600),
    Cut(text=600, answers=5),
    Cut(text=200, answers=5),
    Cut(text=120, details=3, pages=10, answers=3),
    Cut(text=80, details=0, pages=5, answers=0),
)


def page_message(
    notification: Notification,
    links: Links,
    at: datetime,
    custom: MessageText | None = None,
    *,
    is_shared: bool,
) -> bytes:
    """Write the body of the call; `is_shared`: others read it, so that no link may answer.

    `custom`: what a template that is set writes; the links are added to it.
    """
    at = notification.local(at)
    for cut in _CUTS:
        if custom is None:
            card = _page_card(notification, links, at, cut, is_shared=is_shared)
        else:
            card = _custom_card(notification, custom, links, at, cut, is_shared=is_shared)
        message = _message(card)
        if len(message) <= MAX_BYTES:
            break
    return message


def follow_up_message(notification: Notification, links: Links, at: datetime) -> bytes:
    """Write the card that says what happened: a card that was posted can't be changed."""
    status = notification.content.status
    if status is None:
        raise TypeError("an update has a status")
    at = notification.local(at)
    language = notification.language
    words = rendering.words(notification.content, at, language=language)
    body = [
        _text(_run(rendering.status_text(status, at, language), 300, weight="Bolder")),
        _text(_run(words.headline, 300)),
    ]
    opening = open_link(notification, notification.link_epoch, links, language)
    return _message(_card(body, [opening]))


def _page_card(
    notification: Notification, links: Links, at: datetime, cut: Cut, *, is_shared: bool
) -> dict[str, Any]:
    content, language = notification.content, notification.language
    words = rendering.words(content, at, has_console=links.has_console, language=language)
    labelled = rendering.text(
        "teams/page.txt.j2",
        language=language,
        words=words,
        is_shared=is_shared,
        asks_answer=asks_for(content.reason) == "answer",
        has_console=links.has_console,
    )
    body = [
        _text(_run(words.headline, cut.text, size="Large", weight="Bolder")),
        *_deadline(words, cut),
        *(
            _text(_run(f"{label}: ", cut.text, weight="Bolder"), _run(text, cut.text))
            for label, text in rendering.labelled_lines(labelled)
        ),
        *_facts(rendering.text("teams/facts.txt.j2", language=language, content=content)),
        *(element for detail in words.details[: cut.details] for element in _detail(detail, cut)),
        *_held_pages(notification, links, at, cut, is_shared=is_shared),
    ]
    return _card(body, _opening(notification, links, is_shared=is_shared))


def _custom_card(
    notification: Notification,
    custom: MessageText,
    links: Links,
    at: datetime,
    cut: Cut,
    *,
    is_shared: bool,
) -> dict[str, Any]:
    lines = [line for line in custom.body.splitlines() if line.strip()]
    body = [
        _text(_run(custom.title, cut.text, size="Large", weight="Bolder")),
        *(_text(_run(line, 7 * cut.text)) for line in lines[: max(3, 10 * cut.details)]),
        *_held_pages(notification, links, at, cut, is_shared=is_shared),
    ]
    return _card(body, _opening(notification, links, is_shared=is_shared))


def _opening(notification: Notification, links: Links, *, is_shared: bool) -> tuple[Link, ...]:
    if notification.kind != "page":
        return ()
    epoch, language = notification.link_epoch, notification.language
    return _links(notification, epoch, links, language, answers=not is_shared)


def _links(
    page: Notification | HeldPage, epoch: int, links: Links, language: str, *, answers: bool
) -> tuple[Link, ...]:
    if answers:
        return links_of(page, epoch, links, language)
    return (open_link(page, epoch, links, language),)


def _held_pages(
    notification: Notification, links: Links, at: datetime, cut: Cut, *, is_shared: bool
) -> Iterator[dict[str, Any]]:
    summary = notification.content.summary
    pages = summary.pages if summary else ()
    epoch, language = notification.link_epoch, notification.language
    for number, page in enumerate(pages[: cut.pages]):
        words = rendering.words(page.content, at, language=language)
        has_answers = not is_shared and number < cut.answers
        buttons = _links(page, epoch, links, language, answers=has_answers)
        yield {
            "type": "Container",
            "separator": True,
            "items": [
                _text(_run(words.headline, cut.text, weight="Bolder")),
                *_deadline(words, cut),
                {"type": "ActionSet", "actions": [*map(_action, buttons)]},
            ],
        }
    if len(pages) > cut.pages:
        count = len(pages) - cut.pages
        more = rendering.text("teams/more.txt.j2", language=language, count=count)
        yield _text(_run(more, cut.text))


def _deadline(words: rendering.Words, cut: Cut) -> list[dict[str, Any]]:
    if words.deadline is None:
        return []
    return [_text(_run(words.deadline, cut.text, weight="Bolder", color="Attention"))]


def _facts(text: str) -> list[dict[str, Any]]:
    facts = [
        {"title": title, "value": value.translate(_MARKDOWN).replace(*_FUNCTION)}
        for title, value in rendering.labelled_lines(text)
    ]
    return [{"type": "FactSet", "facts": facts}] if facts else []


def _detail(detail: rendering.Detail, cut: Cut) -> Iterator[dict[str, Any]]:
    yield _text(_run(detail.text, cut.text))
    if detail.quotation is not None:
        quotation = _text(_run(detail.quotation, cut.text, italic=True))
        yield {"type": "Container", "style": "emphasis", "items": [quotation]}


def _run(text: str, longest: int, **style: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": rendering.cut(text, longest).replace(*_FUNCTION), **style}


def _text(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [*runs]}


def _action(link: Link) -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": link.label, "url": link.url}


def _card(body: Sequence[dict[str, Any]], links: Sequence[Link]) -> dict[str, Any]:
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": _VERSION,
        "msteams": {"width": "Full"},
        "body": [*body],
        "actions": [*map(_action, links)],
    }


def _message(card: dict[str, Any]) -> bytes:
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return orjson.dumps({"type": "message", "attachments": [attachment]})
