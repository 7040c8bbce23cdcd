"""What a channel learns about a contact that it sent."""

from typing import Literal

from msgspec import Struct

from common.contracts.contacts import Priority
from common.contracts.event import ContactId, MessageId
from intake.domain.model import Contact
from intake.domain.priorities import is_more_urgent

ReceiptOutcome = Literal["created", "added", "unchanged"]


class Receipt(Struct, frozen=True, omit_defaults=True):
    """`message_id` is the message that was added, if one was; `priority` is the one in force.

    `replayed`: it was made before, for the same request under the same key.
    """

    contact_id: ContactId
    priority: Priority
    outcome: ReceiptOutcome = "created"
    message_id: MessageId | None = None
    supervisor_requested: bool = False
    replayed: bool = False


def priority_to_take_up(contact: Contact, stated: Priority, *, repeats: bool) -> Priority | None:
    """Return the priority to change to, if any.

    A request that repeats an earlier text may be an old one that was sent again: it may make the
    contact more urgent, and does not undo what others have raised since.
    """
    if repeats and not is_more_urgent(stated, contact.priority):
        return None
    return None if stated == contact.priority else stated
