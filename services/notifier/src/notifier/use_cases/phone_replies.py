"""What people write back to a message on their phone, or press in a call: load, decide, record.

Twilio signs no time, so that a request may come again at any time: its id is kept, also if the
answer is refused, since the same answer would be taken once the escalation asks again.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from common.contracts.notifications import Action, Medium
from notifier.domain.errors import (
    AnswerTooLateError,
    NoMessageWaitsError,
    NothingToAcknowledgeError,
    NotPagedError,
)
from notifier.domain.notifications import Notification
from notifier.links import Capability
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases.answers import answer_locked, lock_message, press

ACTIONS: Final[dict[str, Action]] = {"1": "acknowledge", "2": "take_over"}
# A machine may answer whatever we write: it gets no further hint in that time.
_HINT_EVERY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Reply:
    """What was written, from which number; `message_id` is how the outside system names it."""

    message_id: str
    medium: Medium
    number: str
    text: str


@dataclass(frozen=True, slots=True)
class TakenReply:
    """The answer and the message that it is to; without an action, the person needs a hint."""

    action: Action | None
    notification: Notification


Refusal = NothingToAcknowledgeError | AnswerTooLateError | NotPagedError


async def take(reply: Reply, max_age: timedelta, uow: UnitOfWork) -> TakenReply | Refusal | None:
    """Take "1" or "2" from a number as the answer of its owner to the newest message that asks.

    If that one has the same answer already, it is to the newest that still waits. None if nothing
    is to be said: to a stranger, to a reply that came before, and to more than a text an hour that
    is no answer. A refusal is returned, so that the reply is kept.
    """
    if not await uow.phone_replies.add(reply.message_id, reply.number, uow.now):
        return None
    recipient = await uow.recipients.of_user(reply.medium, reply.number)
    if recipient is None or not recipient.active:
        return None
    since = uow.now - max_age
    newest = await uow.notifications.newest_asking(recipient.person_id, reply.medium, since)
    # What was sent to an earlier number, its owner of today has not read.
    if newest is not None and newest.address != recipient.address_on(reply.medium):
        newest = None
    action = ACTIONS.get(reply.text)
    if action is None:
        return TakenReply(None, newest) if newest and await _may_hint(reply, uow) else None
    if newest is None:
        return NoMessageWaitsError()
    if await uow.phone_replies.has_answered(newest.notification_id, action):
        waiting = await uow.notifications.newest_waiting(
            recipient.person_id, reply.medium, reply.number, action, since
        )
        newest = waiting or newest
    await uow.phone_replies.note_answer(reply.message_id, newest.notification_id, action)
    try:
        asking = await lock_message(newest, uow)
        return TakenReply(action, await answer_locked(asking, action, uow))
    except (NothingToAcknowledgeError, AnswerTooLateError) as refusal:
        return refusal


async def press_key(
    call_id: str, number: str, action: Action, capability: Capability, uow: UnitOfWork
) -> TakenReply | Refusal:
    """Take a key in a call as the answer of the owner of the number; a key counts once in a call.

    Raises as `answers.press`, but for refusals, which are returned.
    """
    is_new = await uow.phone_replies.add(f"{call_id}/{number}/{action}", number, uow.now)
    try:
        if is_new:
            await press(capability, "voice", number, action, uow)
    except (NothingToAcknowledgeError, AnswerTooLateError, NotPagedError) as refusal:
        return refusal
    notification = await uow.notifications.get(capability.notification_id)
    if notification is None or not (is_new or notification.action == action):
        return NothingToAcknowledgeError()
    return TakenReply(action, notification)


async def _may_hint(reply: Reply, uow: UnitOfWork) -> bool:
    since = uow.now - _HINT_EVERY
    return await uow.phone_replies.hint(reply.message_id, reply.number, since)
