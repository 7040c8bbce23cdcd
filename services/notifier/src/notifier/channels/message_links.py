"""The links in messages: signed ones, and those that lead to the console."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from notifier.domain import answers
from notifier.domain.content import HeldPage
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for
from notifier.domain.recipients import DEFAULT_LANGUAGE
from notifier.languages import mark
from notifier.links import Links, Purpose
from notifier.rendering import label

Page = Notification | HeldPage
# What stands on buttons and links, in English.
ACKNOWLEDGE: Final = mark("Acknowledge")
TAKE_OVER: Final = mark("Take over")
_OPEN: Final = mark("Open")
_SEE_ALL: Final = mark("See them all")
_APPROVE: Final = mark("Give your approval")
_ANSWERS: Sequence[tuple[str, Purpose]] = (
    (ACKNOWLEDGE, "acknowledge"),
    (TAKE_OVER, "take_over"),
)


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


def links_of(
    page: Page, link_epoch: int, links: Links, language: str = DEFAULT_LANGUAGE
) -> tuple[Link, ...]:
    """Return the links of a message that the recipient alone reads: each answer, and the screen."""
    if not answers.has_buttons(page):
        return (open_link(page, link_epoch, links, language),)
    answering = tuple(
        Link(label(name, language), links.url(page.notification_id, purpose, link_epoch))
        for name, purpose in _ANSWERS
    )
    opening = console_link(page, links, language)
    return answering if opening is None else (*answering, opening)


def open_link(page: Page, link_epoch: int, links: Links, language: str = DEFAULT_LANGUAGE) -> Link:
    """Return the link to what the page is about, for everybody who may read the message."""
    if link := console_link(page, links, language):
        return link
    return Link(label(_OPEN, language), links.url(page.notification_id, "show", link_epoch))


def storm_link(notification: Notification, links: Links) -> Link | None:
    """Return the link to the list of what a message in a storm does not show."""
    summary = notification.content.summary
    if summary is None or not summary.elsewhere or not links.has_console:
        return None
    return Link(label(_SEE_ALL, notification.language), links.console("/now"))


def console_link(page: Page, links: Links, language: str = DEFAULT_LANGUAGE) -> Link | None:
    """Return the link to the screen of the console on which the reader acts."""
    if not links.has_console:
        return None
    if page.content.duty_gap is not None:
        return Link(label(_OPEN, language), links.console("/duty"))
    if page.content.maintenance is not None:
        return Link(label(_OPEN, language), links.console("/settings/maintenance"))
    if page.escalation_id is None:
        return None
    is_approval = asks_for(page.content.reason) == "approval"
    name = label(_APPROVE if is_approval else _OPEN, language)
    return Link(name, links.console(f"/e/{page.escalation_id}"))
