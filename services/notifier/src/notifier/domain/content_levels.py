"""How much of what customers and colleagues have written leaves by each medium."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, assert_never

from msgspec.structs import replace

from common.contracts.escalations import Cause, PagedCause
from common.contracts.notifications import Medium
from notifier.domain.content import Content, Status
from notifier.domain.home_tabs import HomeView
from notifier.domain.notifications import Notification

# `headline`: what we say ourselves. The name of the customer is the customer's word, too.
ContentLevel = Literal["quotations", "without_names", "headline"]
# A locked screen and a voice tell it to anybody.
DEFAULT_LEVELS: Final[Mapping[Medium, ContentLevel]] = MappingProxyType(
    dict.fromkeys(("sms", "voice", "whatsapp", "web_push", "apprise"), "without_names")
)
# The reason of these causes is what a rule found. That of the others has the words of a person.
FOUND_BY_RULE: Final[frozenset[Cause]] = frozenset(("breach", "warning", "repeated_contact", "vip"))
# What stands in an explanation before the words of a colleague; other text before a colon is the
# name of a level.
_SAID_BY: Final = re.compile(
    r"\S+ hands it over|\S+ does not approve .+|(?:reopened|referred up) by \S+"
)


@dataclass(frozen=True, slots=True)
class ContentLevels:
    """What operators have chosen; a medium that is not in it has its default."""

    chosen: Mapping[Medium, ContentLevel] = field(default_factory=dict)

    def of(self, medium: Medium | None) -> ContentLevel:
        if medium is None:
            return "quotations"
        return self.chosen.get(medium, DEFAULT_LEVELS.get(medium, "quotations"))

    def shown(self, notification: Notification) -> Notification:
        """Return it with what its medium may show: all that a channel ever gets of it."""
        return _with_content(notification, self.of(notification.medium))

    def shown_behind_link(self, notification: Notification) -> Notification:
        """Return it as the page behind its link shows it, which needs no signing in.

        Who opens a page has unlocked the screen, so it names the customer. But it quotes nobody if
        the message must not: the link is where the message is.
        """
        level = self.of(notification.medium)
        return _with_content(notification, level if level == "headline" else "quotations")

    def shown_at_home(self, view: HomeView, medium: Medium) -> HomeView:
        level = self.of(medium)
        items = tuple(_with_content(item, level) for item in view.items)
        return dataclasses.replace(view, items=items)


def content_at(level: ContentLevel, content: Content) -> Content:
    """Return what may be shown of it; a summary's pages are treated in the same way."""
    match level:
        case "quotations":
            return content
        case "without_names":
            return _in_pages_too(_without_names, content)
        case "headline":
            return _in_pages_too(_without_words, content)
        case _:
            assert_never(level)


def _with_content(notification: Notification, level: ContentLevel) -> Notification:
    content = content_at(level, notification.content)
    # Words are made once for all messages that say the same: most say all.
    if content is notification.content:
        return notification
    return replace(notification, content=content)


def _in_pages_too(reduce: Callable[[Content], Content], content: Content) -> Content:
    if content.summary is not None:
        pages = (
            replace(page, content=_in_pages_too(reduce, page.content))
            for page in content.summary.pages
        )
        content = replace(content, summary=replace(content.summary, pages=tuple(pages)))
    return reduce(content)


def _without_names(content: Content) -> Content:
    if content.contact is None:
        return content
    return replace(content, contact=replace(content.contact, customer_name=None))


def _without_words(content: Content) -> Content:
    """Leave out what people have written. Ids and names of colleagues stay: they say who asks."""
    contact = content.contact
    return replace(
        content,
        contact=contact and replace(contact, customer_name=None, subject=""),
        causes=tuple(map(_cause_without_words, content.causes)),
        explanation=_own_part(content.explanation),
        approval=content.approval and replace(content.approval, note=""),
        coaching=content.coaching and replace(content.coaching, text=""),
        status=content.status and _status_without_words(content.status),
        write_back_halt=_without_reason(content.write_back_halt),
        disabled_status_webhook=_without_reason(content.disabled_status_webhook),
        maintenance=_without_reason(content.maintenance),
    )


def _cause_without_words(cause: PagedCause) -> PagedCause:
    return cause if cause.cause in FOUND_BY_RULE else replace(cause, reason="")


def _status_without_words(status: Status) -> Status:
    # Why it came back is what Upstairs found.
    return status if status.kind == "returned" else replace(status, reason=None)


def _without_reason(about: Any) -> Any:
    """Leave out what an outside system answered, or what a colleague wrote."""
    return None if about is None else dataclasses.replace(about, reason="")


def _own_part(explanation: str | None) -> str | None:
    """Return what Upstairs says in it: what follows a colon may be a colleague's words."""
    if explanation is None or ": " not in explanation:
        return explanation
    *parts, last = explanation.partition(": ")[0].split("; ")
    return "; ".join([*parts, last] if _SAID_BY.fullmatch(last) else parts)
