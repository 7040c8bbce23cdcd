"""Erasure: what the notifier removes of a customer. What was sent stays where it was sent."""

from dataclasses import replace

from common.core.erasure import ERASED
from notifier.domain.content import Content
from notifier.domain.notifications import Notification

_REASON = {"reason": ERASED}


def erase(notification: Notification) -> Notification:
    # Why it was cancelled may repeat what a colleague wrote.
    reason = ERASED if notification.state == "cancelled" else notification.reason
    return replace(notification, content=erase_content(notification.content), reason=reason)


def erase_content(content: Content) -> Content:
    contact, approval, coaching = content.contact, content.approval, content.coaching
    status, explanation = content.status, content.explanation
    if contact is not None:
        name = None if contact.customer_name is None else ERASED
        contact = contact.model_copy(update={"subject": ERASED, "customer_name": name})
    if status is not None and status.reason is not None:
        status = replace(status, reason=ERASED)
    return replace(
        content,
        contact=contact,
        causes=tuple(cause.model_copy(update=_REASON) for cause in content.causes),
        explanation=None if explanation is None else ERASED,
        approval=None if approval is None else approval.model_copy(update={"note": ERASED}),
        coaching=None if coaching is None else coaching.model_copy(update={"text": ERASED}),
        status=status,
    )
