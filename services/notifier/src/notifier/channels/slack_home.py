"""What the home tab in Slack looks like: what needs its user, most urgent first."""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from notifier import rendering
from notifier.channels.message_links import console_link
from notifier.channels.slack_messages import (
    OPEN,
    action_row,
    button,
    page_buttons,
    section,
    small_text,
)
from notifier.domain.home_tabs import HomeView
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for
from notifier.languages import mark
from notifier.links import Links

_OPEN_UPSTAIRS: Final = mark("Open Upstairs")
# A view has at most 250 KB.
_LONGEST_ITEM: Final = 1000


def home_view(view: HomeView, user_id: str, links: Links, at: datetime) -> dict[str, Any]:
    """Write the view of `views.publish`."""
    local = at.astimezone(ZoneInfo(view.time_zone))
    lines = _lines(view, user_id, local)
    console = button("console", rendering.label(_OPEN_UPSTAIRS, view.language))
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": lines["title"]}},
            *([section(lines["empty"])] if "empty" in lines else ()),
            *(block for item in view.items for block in _item(item, view, links, local)),
            *([section(lines["more"])] if "more" in lines else ()),
            small_text(lines["time"]),
            *([action_row({**console, "url": links.console("/now")})] if links.has_console else ()),
        ],
    }


def _lines(view: HomeView, user_id: str, at: datetime) -> dict[str, str]:
    text = rendering.slack_text(
        "slack/home.j2",
        language=view.language,
        is_stranger=view.person_id is None,
        is_empty=not view.items,
        user_id=user_id,
        more=view.more,
        at=at,
    )
    return dict(rendering.labelled_lines(text))


def _item(item: Notification, view: HomeView, links: Links, at: datetime) -> list[dict[str, Any]]:
    words = rendering.words(item.content, at, has_console=links.has_console, language=view.language)
    text = rendering.slack_text(
        "slack/home_item.j2",
        language=view.language,
        words=words,
        ask=asks_for(item.content.reason),
    )
    return [section(rendering.slack_clipped(text, _LONGEST_ITEM)), *_actions(item, view, links)]


def _actions(item: Notification, view: HomeView, links: Links) -> list[dict[str, Any]]:
    if item.person_id == view.person_id:
        return [page_buttons(item, view.link_epoch, links, view.language)]
    # It is another person's message, whose tokens are not for this reader.
    link = console_link(item, links, view.language)
    return [action_row(button(OPEN, link.label, url=link.url))] if link else []
