"""Erasure: what the notifier removes of a customer. What was sent stays where it was sent."""

from msgspec.structs import replace

from common.contracts.event import ContactId
from common.core.erasure import ERASED
from notifier.domain.content import Content, Summary
from notifier.domain.notifications import Notification

_REASON = {"reason": ERASED}


def erase(notification: Notification, contact_id: ContactId) -> Notification:
    """Erase the words about this contact; a summary may be about other contacts too."""
    content, reason = notification.content, notification.reason
    if notification.contact_id == contact_id:
        content = erase_content(content)
        # Why it was cancelled may repeat what a colleague wrote.
        reason = ERASED if notification.state == "cancelled" else reason
    if content.summary is not None:
        content = replace(content, summary=_erase_pages(content.summary, contact_id))
    return replace(notification, content=content, reason=reason)


def _erase_pages(summary: Summary, contact_id: ContactId) -> Summary:
    pages = tuple(
        replace(page, content=erase_content(page.content))
        if page.contact_id == contact_id
        else page
        for page in summary.pages
    )
    return replace(summary, pages=pages)


def erase_content(content: Content) -> Content:
    contact, approval, coaching = content.contact, content.approval, content.coaching
    status, explanation = content.status, content.explanation
    if contact is not None:
        name = None if contact.customer_name is None else ERASED
        contact = replace(contact, subject=ERASED, customer_name=name)
    if status is not None and status.reason is not None:
        status = replace(status, reason=ERASED)
    return replace(
        content,
        contact=contact,
        causes=tuple(replace(cause, **_REASON) for cause in content.causes),
        explanation=None if explanation is None else ERASED,
        approval=None if approval is None else replace(approval, note=ERASED),
        coaching=None if coaching is None else replace(coaching, text=ERASED),
        status=status,
    )
