"""What Slack's messages look like: the arguments of its methods."""

from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Final

from common.http.contact_methods import SlackMethod
from notifier import rendering
from notifier.channels.base import ChannelAddress
from notifier.channels.message_links import ACKNOWLEDGE, TAKE_OVER, open_link, storm_link
from notifier.domain import answers
from notifier.domain.content import HeldPage, Summary
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for
from notifier.languages import mark
from notifier.links import Links
from notifier.message_templates.library import MessageText

_SNOOZE: Final = mark("Snooze")
_HAND_BACK: Final = mark("Hand back")
OPEN = "open"
# Slack refuses a longer text in a block.
_LONGEST_TEXT = 3000


# Its fields are in common, since the API of router takes them too.
class SlackAddress(SlackMethod, ChannelAddress): ...


def page_message(
    notification: Notification, links: Links, at: datetime, custom: MessageText | None = None
) -> dict[str, Any]:
    """Write the arguments of `chat.postMessage`; `custom`: what a template that is set writes."""
    at = notification.local(at)
    content = notification.content
    language = notification.language
    words = rendering.words(content, at, has_console=links.has_console, language=language)
    title, body, context = (
        (custom.title, custom.body, "")
        if custom
        else _page_texts(words, content.respond_by, at, at.tzinfo, language)
    )
    return {
        "channel": SlackAddress.read(notification.address).channel,
        **_thread(notification),
        **preview(title),
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            section(body),
            *([small_text(context)] if context else ()),
            *_actions(notification, links, at),
        ],
    }


def summary_change(notification: Notification, message: dict[str, Any]) -> dict[str, Any] | None:
    """Write the arguments of `chat.update` if it changes the message of the summary before."""
    summary, receipt = notification.content.summary, notification.receipt
    if summary is None or not summary.earlier or not receipt:
        return None
    kept = {name: message[name] for name in message if not name.startswith("unfurl_")}
    return {**kept, "channel": receipt.get("channel"), "ts": receipt.get("ts")}


def _actions(notification: Notification, links: Links, at: datetime) -> list[dict[str, Any]]:
    """Return the buttons of a page, or the pages of a summary with theirs; a notice has none."""
    epoch = notification.link_epoch
    match notification.kind:
        case "page":
            return [page_buttons(notification, epoch, links, notification.language)]
        case "summary":
            summary = notification.content.summary
            storm = storm_link(notification, links)
            return [
                *([action_row(button("storm", storm.label, url=storm.url))] if storm else ()),
                *_held_pages(summary, epoch, links, at, notification.language),
            ]
        case _:
            return []


def _held_pages(
    summary: Summary | None, epoch: int, links: Links, at: datetime, language: str
) -> list[dict[str, Any]]:
    return [
        block
        for page in (summary.pages if summary else ())
        for block in (
            section(
                rendering.slack_text(
                    "slack/held_page.j2",
                    language=language,
                    words=rendering.words(page.content, at, language=language),
                )
            ),
            page_buttons(page, epoch, links, language),
        )
    ]


def action_row(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": "actions", "elements": list(buttons)}


def page_buttons(
    page: Notification | HeldPage, epoch: int, links: Links, language: str
) -> dict[str, Any]:
    """Make the buttons; others may see the message, so its link answers nothing by itself."""
    link = open_link(page, epoch, links, language)
    buttons = [button(OPEN, link.label, url=link.url)]
    token = links.token(page.notification_id, "press", epoch)
    if isinstance(page, Notification) and answers.has_holder_buttons(page):
        buttons = [*_holder_buttons(token, language), *buttons]
    if answers.has_buttons(page):
        buttons = [
            button(
                "acknowledge",
                rendering.label(ACKNOWLEDGE, language),
                style="primary",
                value=token,
            ),
            button("take_over", rendering.label(TAKE_OVER, language), value=token),
            *buttons,
        ]
    return action_row(*buttons)


def _status_buttons(update: Notification, links: Links) -> list[dict[str, Any]]:
    if not answers.has_holder_buttons(update):
        return []
    token = links.token(update.notification_id, "press", update.link_epoch)
    return [{"type": "actions", "elements": _holder_buttons(token, update.language)}]


def _holder_buttons(token: str, language: str) -> list[dict[str, Any]]:
    """Make those that open a form (`slack_forms`)."""
    return [
        button("snooze", rendering.label(_SNOOZE, language), value=token),
        button("hand_back", rendering.label(_HAND_BACK, language), value=token),
    ]


def preview(text: str) -> dict[str, Any]:
    """Make what a phone shows before the message is opened: no style, no link, no mention."""
    return {"text": text, "mrkdwn": False, "parse": "none", "link_names": False}


def update_message(notification: Notification, links: Links, at: datetime) -> dict[str, Any]:
    """Write the arguments of `chat.update`: the status replaces the buttons.

    Who holds it has others then.
    """
    status, receipt = notification.content.status, notification.receipt or {}
    if status is None:
        raise TypeError("an update has a status")
    at = notification.local(at)
    words = rendering.words(notification.content, at, language=notification.language)
    status_text = rendering.status_text(status, at, notification.language)
    context = rendering.slack_text(
        "slack/status.j2", status=status_text, awaits_answer=status.awaits_answer
    )
    return {
        "channel": receipt.get("channel"),
        "ts": receipt.get("ts"),
        **preview(rendering.slack_text("slack/update_text.j2", words=words, status=status_text)),
        "blocks": [
            section(rendering.slack_text("slack/update.j2", words=words)),
            small_text(context),
            *_status_buttons(notification, links),
        ],
    }


def _thread(notification: Notification) -> dict[str, Any]:
    """Let it answer the first message about the escalation, if that is in the same place.

    A message that asks for an answer is shown in the conversation, too: people miss replies.
    """
    thread = notification.thread or {}
    if thread.get("channel") != SlackAddress.read(notification.address).channel:
        return {}
    asks = asks_for(notification.content.reason) != "nothing"
    return {"thread_ts": thread["ts"], "reply_broadcast": asks}


def fallback(notification: Notification, links: Links, at: datetime) -> dict[str, Any]:
    """Write the page as text with a link, for when Slack refuses its blocks."""
    language = notification.language
    words = rendering.words(notification.content, notification.local(at), language=language)
    link = open_link(notification, notification.link_epoch, links, language)
    text = rendering.slack_text("slack/fallback.j2", language=language, words=words)
    text = f"{text}\n<{link.url}|{link.label}>"
    return {"text": text, "mrkdwn": True, "parse": "none", "link_names": False, "blocks": []}


# As `rendering.words`: what goes to many at once is the same for all of them.
@lru_cache(maxsize=64)
def _page_texts(
    words: rendering.Words,
    respond_by: datetime | None,
    at: datetime,
    _zone: tzinfo | None,
    language: str,
) -> tuple[str, str, str]:
    """Return the text before it is opened, the body, and what stands below it."""
    epoch = int(respond_by.timestamp()) if respond_by else None
    body = rendering.slack_text(
        "slack/page.j2", language=language, words=words, respond_by=respond_by, epoch=epoch, at=at
    )
    return (
        rendering.slack_text("slack/text.j2", words=words),
        body,
        rendering.slack_text("slack/context.j2", words=words),
    )


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def small_text(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def _mrkdwn(text: str) -> dict[str, Any]:
    """Make a text in which Slack makes no links: a customer may have written the address."""
    clipped = rendering.slack_clipped(text, _LONGEST_TEXT)
    return {"type": "mrkdwn", "text": clipped, "verbatim": True}


def button(action_id: str, label: str, **more: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "action_id": action_id, "text": text, **more}
