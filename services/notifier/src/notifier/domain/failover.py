"""Messages on another medium of the person, in place of one that did not arrive."""

from collections.abc import Collection, Iterable
from datetime import datetime

from msgspec.structs import replace

from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from notifier.domain.notifications import Notification, Page, notify
from notifier.domain.recipients import Address, Recipient


def next_address(
    recipient: Recipient, messages: Iterable[Notification], down: Collection[Medium]
) -> Address | None:
    """Return the person's next address that no message of the page has used, and that works."""
    used = {message.medium for message in messages}.union(down)
    return next((each for each in recipient.addresses if each.medium not in used), None)


def stand_in(
    page: Notification,
    address: Address,
    notification_id: NotificationId,
    page_media: tuple[Medium, ...],
    at: datetime,
) -> Notification:
    """Make the message of a page on another medium, in place of the one on its medium."""
    content = replace(page.content, is_repeat=False)
    request = Page(page.page_id, page.contact_id, page.escalation_id, page.person_id, content)
    made = notify(request, address, notification_id, at, page.traceparent, page_media=page_media)
    return replace(made, failover_from=page.medium)


def media_of(messages: Iterable[Notification]) -> tuple[Medium, ...]:
    """Return all media of a page."""
    return tuple(dict.fromkeys(medium for each in messages for medium in each.page_media))


def has_reached(messages: Collection[Notification]) -> bool:
    """Tell whether a message of the page arrived, as far as one can know."""
    replaced = {each.failover_from for each in messages}
    return any(
        each.state in ("sent", "grouped") and each.medium not in replaced for each in messages
    )
