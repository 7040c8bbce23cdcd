"""What escalation does with each message and command: load, decide, record."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from common.contracts.assignments import AssignmentReleased, ContactAssigned, ContactReferred
from common.contracts.contacts import (
    ContactReceived,
    ContactReopened,
    ContactResolved,
    RepresentativeReplied,
    SupervisorRequested,
)
from common.contracts.event import ContactId, EscalationId, Event, PersonId
from common.contracts.notifications import NotificationActedOn
from common.messages import Timer
from common.subscriptions import Subscriptions
from escalation.domain import audit, decide, promises, words, working
from escalation.domain.configuration import Setting, Versioned
from escalation.domain.situation import Decision, Situation, Step
from escalation.domain.timers import AcknowledgementDue, ClockDue, LeaseExpires
from escalation.store import UnitOfWork

M = TypeVar("M", bound=Event | Timer)
S = TypeVar("S", bound=Setting)

log = structlog.get_logger()


class UnknownEscalation(Exception):
    """There is no such escalation."""


@dataclass(frozen=True, slots=True)
class Findings:
    """How many timers of a contact are missing, and how many of those nobody knew of."""

    missing: int
    news: int


class Undefined(Exception):
    """A setting names others that do not exist; `places` says where and which."""

    def __init__(self, places: list[tuple[str, str]]) -> None:
        super().__init__(places)
        self.places = places


def decided_by(
    decide_on: Callable[[Situation, M], Decision],
) -> Callable[[M, UnitOfWork], Awaitable[None]]:
    """Make the handler of a message: every one of them goes the same straight line."""

    async def handle(message: M, uow: UnitOfWork) -> None:
        record(decide_on(await uow.situation(message.contact_id), message), uow)

    return handle


async def act(escalation_id: EscalationId, step: Step, uow: UnitOfWork) -> Decision:
    """Do what a person asks of an escalation.

    Raises UnknownEscalation, or working.Refused if its state does not allow it.
    """
    seen = await uow.escalations.look(escalation_id)
    if seen is None:
        raise UnknownEscalation
    situation = await uow.situation(seen.contact_id)
    if situation.escalation is None or situation.escalation.escalation_id != escalation_id:
        # It may have ended while we waited for the lock.
        ended = await uow.escalations.look(escalation_id) or seen
        raise working.Refused(ended.state, f"It is {words.state(ended)} already.")
    return record(step(situation), uow)


async def raise_by_hand(
    contact_id: ContactId, by: PersonId, reason: str, uow: UnitOfWork
) -> Decision:
    return record(decide.raised_by_hand(await uow.situation(contact_id), by, reason), uow)


def record(decision: Decision, uow: UnitOfWork) -> Decision:
    """Write the new state and all it causes, in the caller's transaction."""
    situation = decision.situation
    uow.watches.save(situation.watch)
    for escalation in (*decision.ended, situation.escalation):
        if escalation is not None:
            uow.escalations.save(escalation)
    uow.timers.set(decision.timers)
    uow.outbox.add(decision.events)
    for surprise in decision.surprises:
        log.warning(surprise, contact_id=situation.contact_id)
    return decision


async def check_timers(contact_id: ContactId, uow: UnitOfWork) -> Findings:
    """Prove that all the contact waits for has its timer; set what has not, and tell operations.

    Once for each: what gets lost again after that, or can't be handled and was buried, would come
    back for ever, and is for people to look at.
    """
    await uow.hold((contact_id,))
    (books,) = await uow.audits.books((contact_id,))
    found = audit.missing(books)
    news = [one for one in found if not await uow.audits.has_told(contact_id, one.page_id)]
    record(audit.mend(await uow.situation(contact_id), news), uow)
    for one in news:
        log.error(
            "timer_missing",
            contact_id=contact_id,
            slot=one.expected.timer.slot,
            due_at=one.expected.due_at,
            instead=one.instead,
            page_id=one.page_id,
        )
    return Findings(len(found), len(news))


async def define(setting_id: str, body: S, by: str, uow: UnitOfWork) -> Versioned[S]:
    """Put a setting in force; one that says nothing new keeps its version."""
    configuration = await uow.configurations.hold()
    if undefined := list(configuration.undefined(body)):
        raise Undefined(undefined)
    current = configuration.find(type(body), setting_id)
    if current is not None and current.body == body:
        return current
    defined = Versioned(setting_id, current.version + 1 if current else 1, body)
    await uow.configurations.add(defined, uow.now, by)
    return defined


SUBSCRIPTIONS = (
    Subscriptions[UnitOfWork]()
    .on(ContactReceived, decided_by(decide.received))
    .on(RepresentativeReplied, decided_by(decide.replied))
    .on(SupervisorRequested, decided_by(decide.supervisor_requested))
    .on(ContactResolved, decided_by(decide.resolved))
    .on(ContactReopened, decided_by(decide.reopened))
    .on(ContactAssigned, decided_by(decide.assigned))
    .on(ContactReferred, decided_by(decide.referred))
    .on(AssignmentReleased, decided_by(decide.released))
    .on(NotificationActedOn, decided_by(decide.acted_on))
    .on(ClockDue, decided_by(promises.come_due))
    .on(AcknowledgementDue, decided_by(working.acknowledgement_due))
    .on(LeaseExpires, decided_by(working.lease_expires))
)
