"""The links in messages: signed ones, and those that lead to the console."""

from dataclasses import dataclass

from notifier.domain.content import HeldPage
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for
from notifier.links import Links

Page = Notification | HeldPage


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    url: str


def open_link(page: Page, link_epoch: int, links: Links) -> Link:
    """Return the link to what the page is about, for everybody who may read the message."""
    if link := console_link(page, links):
        return link
    return Link("Open", links.url(page.notification_id, "show", link_epoch))


def storm_link(notification: Notification, links: Links) -> Link | None:
    """Return the link to the list of what a message in a storm does not show."""
    summary = notification.content.summary
    if summary is None or not summary.elsewhere or not links.has_console:
        return None
    return Link("See them all", links.console("/now"))


def console_link(page: Page, links: Links) -> Link | None:
    """Return the link to the screen of the console on which the reader acts."""
    if not links.has_console:
        return None
    if page.content.duty_gap is not None:
        return Link("Open", links.console("/duty"))
    if page.escalation_id is None:
        return None
    is_approval = asks_for(page.content.reason) == "approval"
    label = "Give your approval" if is_approval else "Open"
    return Link(label, links.console(f"/e/{page.escalation_id}"))
