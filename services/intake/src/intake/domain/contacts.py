"""A contact's life: received, answered, resolved or abandoned, and opened again.

What people ask for is refused in the wrong state. What an outside system reports has happened: it
is applied if nothing newer is known, and never refused.
"""

from datetime import datetime, timedelta
from typing import Final, assert_never

from msgspec import structs
from msgspec.structs import replace

from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    Customer,
    CustomerWrote,
    DiscardCause,
    Priority,
    RepresentativeReplied,
    SupervisorRequested,
)
from common.contracts.event import ContactId
from common.core.text import one_line
from intake.domain import transitions
from intake.domain.actors import NOBODY, Actor
from intake.domain.errors import TimeOutOfBoundsError, WrongStateError
from intake.domain.model import Contact, ContactState, Decision, Message, Moment
from intake.domain.priorities import is_more_urgent
from intake.domain.state import follow, is_newer, mark, was_open_until_merged
from intake.domain.transitions import Change, enter

_EXCERPT_CHARACTERS = 200
# So much the clock of a sender may be ahead of ours.
CLOCK_SKEW: Final = timedelta(minutes=1)


def receive(contact: Contact, customer: Customer) -> Decision:
    received = ContactReceived(
        contact_id=contact.contact_id,
        occurred_at=contact.received_at,
        channel=contact.channel,
        received_from=contact.received_from,
        external_ref=contact.external_ref,
        customer=customer,
        subject=contact.subject,
        topic_of_contact=contact.topic,
        language=contact.language,
        priority=contact.priority,
        campaign=contact.campaign,
        follows=contact.follows,
        team=contact.team,
    )
    return Decision(contact, (received,))


def announce(decision: Decision, customer: Customer, at: datetime) -> Decision:
    """Publish a contact that was over when we first saw it, now that it is open: received now."""
    contact = decision.contact
    if is_ended(contact):
        return Decision(contact)
    announced = replace(contact, received_at=at, state_since=at, announced=True)
    later = [
        structs.replace(event, occurred_at=at)
        for event in decision.events
        if not isinstance(event, ContactReopened)
    ]
    return Decision(announced, (*receive(announced, customer).events, *later))


def write(contact: Contact, message: Message, *, asks_for_supervisor: bool = False) -> Decision:
    """Add a message. A customer who writes to a resolved or abandoned contact reopens it."""
    if not message.internal and not _may_write(contact, message):
        action = "replied to" if message.author == "representative" else "written to"
        raise WrongStateError(contact, action)
    return add_message(
        contact, message, Moment(message.at), asks_for_supervisor=asks_for_supervisor
    )


def _may_write(contact: Contact, message: Message) -> bool:
    if message.author == "customer":
        return message.automatic or contact.state not in ("discarded", "merged")
    was_before_end = contact.state_since is not None and message.at < contact.state_since
    return was_before_end or not is_ended(contact)


def add_message(
    contact: Contact, message: Message, moment: Moment, *, asks_for_supervisor: bool = False
) -> Decision:
    """Add a message that exists: a late one changes only what nothing newer has changed."""
    if message.internal:
        return Decision(contact)
    match message.author:
        case "customer":
            return _customer_wrote(contact, message, moment, asks=asks_for_supervisor)
        case "representative":
            return _representative_replied(contact, message, moment)
        case _:
            assert_never(message.author)


def _customer_wrote(contact: Contact, message: Message, moment: Moment, *, asks: bool) -> Decision:
    wrote = CustomerWrote(
        contact_id=contact.contact_id,
        occurred_at=max(message.at, contact.received_at),
        message_id=message.message_id,
        excerpt=excerpt(message.text),
        automatic=message.automatic,
    )
    if message.automatic:
        return Decision(contact, (wrote,))
    spoken = mark(contact, "customer_spoke", moment)
    change = Change(message.at, reason="the customer wrote again", wait_end="customer_wrote")
    opened = enter(spoken, follow(spoken.latest), change)
    events = (*opened.events, wrote)
    if not asks:
        return Decision(opened.contact, events)
    requested = _report_request(opened.contact, message.text, wrote.occurred_at)
    return Decision(requested.contact, (*events, *requested.events))


def report_supervisor_request(contact: Contact, quote: str, moment: Moment) -> Decision:
    """Apply a request for a supervisor that an outside system reports, without words."""
    spoken = mark(contact, "customer_spoke", moment)
    reason = "the customer asked for a supervisor"
    change = Change(moment.at, reason=reason, wait_end="customer_wrote")
    opened = enter(spoken, follow(spoken.latest), change)
    requested = _report_request(opened.contact, quote, max(moment.at, contact.received_at))
    return Decision(requested.contact, (*opened.events, *requested.events))


def _report_request(contact: Contact, quote: str, at: datetime) -> Decision:
    if is_ended(contact):
        # If it is merged, or was by the same action, its target takes the request over.
        return Decision(replace(contact, supervisor_quote=excerpt(quote)))
    return _request_supervisor(contact, quote, at)


def ended_state(contact: Contact) -> ContactState:
    """Return what a call or chat became that is over, when nobody says how it ended.

    What was over before stays as it is.
    """
    if is_ended(contact):
        return contact.state
    return "resolved" if "representative_spoke" in contact.latest else "abandoned"


def _representative_replied(contact: Contact, message: Message, moment: Moment) -> Decision:
    replied = RepresentativeReplied(
        contact_id=contact.contact_id,
        occurred_at=max(message.at, contact.received_at),
        message_id=message.message_id,
        person_id=message.person_id,
        reported_by=message.reported_by,
        automatic=message.automatic,
    )
    if message.automatic:
        return Decision(contact, (replied,))
    spoken = mark(contact, "representative_spoke", moment)
    change = Change(message.at, wait_end="representative_replied")
    opened = enter(spoken, follow(spoken.latest), change)
    return Decision(opened.contact, (*opened.events, replied))


def check_time(contact: Contact, occurred_at: datetime | None, now: datetime) -> datetime:
    """Return when it happened, at most now; raises TimeOutOfBoundsError.

    A message can't be older than its contact.
    """
    if occurred_at is None:
        return now
    if occurred_at < contact.received_at or occurred_at > now + CLOCK_SKEW:
        raise TimeOutOfBoundsError
    return min(occurred_at, now)


def request_supervisor(contact: Contact, quote: str, at: datetime) -> Decision:
    """The customer asks for someone higher, which reopens a resolved or abandoned contact."""
    if contact.state in ("discarded", "merged"):
        raise WrongStateError(contact, "escalated")
    spoken = mark(contact, "customer_spoke", Moment(at))
    reason = "the customer asked for a supervisor"
    opened = _set(spoken, "open", Change(at, reason=reason, wait_end="customer_wrote"))
    requested = _request_supervisor(opened.contact, quote, at)
    return Decision(requested.contact, (*opened.events, *requested.events))


def wait_for_customer(contact: Contact, at: datetime) -> Decision:
    if contact.state != "open":
        raise WrongStateError(contact, "set to wait")
    return _set(contact, "waiting_on_customer", Change(at))


def stop_waiting(contact: Contact, at: datetime) -> Decision:
    """It is our turn again; for a contact that is open already, this changes nothing."""
    if is_ended(contact):
        raise WrongStateError(contact, "taken out of waiting")
    return _set(contact, "open", Change(at))


def resolve(
    contact: Contact,
    at: datetime,
    actor: Actor,
    *,
    note: str | None = None,
    disposition: str | None = None,
    root_cause: str | None = None,
    automatic: bool = False,
) -> Decision:
    _require_open(contact, "resolved")
    change = Change(
        at,
        actor,
        note=note,
        disposition=disposition,
        root_cause=root_cause,
        automatic=automatic,
    )
    return _set(contact, "resolved", change)


def abandon(contact: Contact, reason: str | None, actor: Actor, at: datetime) -> Decision:
    """The customer left before anyone answered."""
    if contact.state != "open":
        _require_open(contact, "abandoned")
        raise WrongStateError(contact, "abandoned")
    return _set(contact, "abandoned", Change(at, actor, reason=reason))


def discard(contact: Contact, cause: DiscardCause, actor: Actor, at: datetime) -> Decision:
    """Nobody shall work on it. It may be over already: spam is often found late."""
    if contact.state in ("discarded", "merged"):
        raise WrongStateError(contact, "discarded")
    return _set(contact, "discarded", Change(at, actor, discard_cause=cause))


def merge(contact: Contact, into: ContactId, actor: Actor, at: datetime) -> Decision:
    """Its work goes on in another contact."""
    if contact.state == "merged":
        raise WrongStateError(contact, "merged again")
    return _set(contact, "merged", Change(at, actor, into=into))


def take_over(target: Contact, merged: Contact, actor: Actor, at: datetime) -> Decision:
    """Let the target of a merge keep what the merged contact still asked for.

    That is its priority, if it is the more urgent one, and the request for a supervisor. If
    something newer is known of the target, that stays.
    """
    moment = merged.latest["merged"]
    if is_ended(target) or not was_open_until_merged(merged.latest):
        return Decision(target)
    decision = Decision(target)
    if is_more_urgent(merged.priority, target.priority):
        reason = "a more urgent contact was merged into it"
        decision = report_priority(target, merged.priority, reason, actor, moment, at)
    if merged.supervisor_quote is None:
        return decision
    spoken = mark(decision.contact, "customer_spoke", moment)
    opened = enter(spoken, follow(spoken.latest), Change(at, wait_end="customer_wrote"))
    requested = _request_supervisor(opened.contact, merged.supervisor_quote, at)
    return Decision(requested.contact, (*decision.events, *opened.events, *requested.events))


def reopen(contact: Contact, reason: str, actor: Actor, at: datetime) -> Decision:
    if not is_ended(contact):
        raise WrongStateError(contact, "reopened")
    return _set(contact, "open", Change(at, actor, reason=reason))


def report_state(contact: Contact, state: ContactState, moment: Moment, change: Change) -> Decision:
    """Apply what an outside system says of the state, unless something newer is known."""
    reported = mark(contact, state, moment)
    return enter(reported, follow(reported.latest), change)


def prioritize(
    contact: Contact, priority: Priority, reason: str, actor: Actor, at: datetime
) -> Decision:
    """Change the priority; the same priority again changes nothing."""
    if is_ended(contact):
        raise WrongStateError(contact, "given another priority")
    return report_priority(contact, priority, reason, actor, Moment(at), at)


def report_priority(
    contact: Contact, priority: Priority, reason: str, actor: Actor, moment: Moment, at: datetime
) -> Decision:
    """Apply what an outside system says of the priority, unless something newer is known."""
    if not is_newer(contact, "priority", moment):
        return Decision(contact)
    marked = mark(contact, "priority", moment)
    if contact.priority == priority:
        return Decision(marked)
    prioritized = ContactPrioritized(
        contact_id=contact.contact_id,
        occurred_at=at,
        priority=priority,
        reason=reason,
        by=actor.person_id,
        reported_by=actor.system,
    )
    return Decision(replace(marked, priority=priority), (prioritized,))


def prioritize_by_rule(contact: Contact, priority: Priority, reason: str, at: datetime) -> Decision:
    """Change the priority as a clock's threshold asks, unless the contact has ended meanwhile."""
    if is_ended(contact):
        return Decision(contact)
    return prioritize(contact, priority, reason, NOBODY, at)


def is_ended(contact: Contact) -> bool:
    return transitions.is_ended(contact.state)


def _set(contact: Contact, state: ContactState, change: Change) -> Decision:
    return enter(mark(contact, state, Moment(change.at)), state, change)


def _require_open(contact: Contact, action: str) -> None:
    if contact.state == action:
        raise WrongStateError(contact, f"{action} again")
    if is_ended(contact):
        raise WrongStateError(contact, action)


def _request_supervisor(contact: Contact, text: str, at: datetime) -> Decision:
    quote = excerpt(text)
    requested = SupervisorRequested(contact_id=contact.contact_id, occurred_at=at, quote=quote)
    asking = replace(contact, supervisor_quote=quote, supervisor_question=None)
    return Decision(asking, (requested,))


def excerpt(text: str) -> str:
    """Return the beginning in one line: others show it next to words of their own."""
    return one_line(text[: 2 * _EXCERPT_CHARACTERS])[:_EXCERPT_CHARACTERS]
