"""What escalation does with each message and command: load, decide, record."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeVar

import structlog

from common.contracts.assignments import AssignmentReleased, ContactAssigned, ContactReferred
from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    CustomerWrote,
    FeedbackReceived,
    RepresentativeReplied,
    SupervisorRequested,
    WaitingOnCustomer,
)
from common.contracts.escalations import EscalationsOwnEvent
from common.contracts.event import ContactEvent, ContactId, EscalationId, PersonId
from common.contracts.notifications import NotificationActedOn
from common.messages import Timer
from common.messaging.subscriptions import HandlerRegistry
from escalation.domain import audit_trail, reactions, timer_check, wording
from escalation.domain.clocks import lifecycle
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty_gaps import Outlook
from escalation.domain.escalations import actions, causes, timeouts
from escalation.domain.model import Escalation
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import Setting, Versioned
from escalation.domain.situation import Decision, Situation, Step
from escalation.domain.timers import (
    AcknowledgementDue,
    ClockDue,
    LeaseEnding,
    LeaseExpires,
    PolicyChanged,
)
from escalation.store.unit_of_work import UnitOfWork

M = TypeVar("M", bound=ContactEvent | Timer)
S = TypeVar("S", bound=Setting)

log = structlog.get_logger()


class EscalationNotFoundError(Exception):
    """There is no such escalation."""


class ConflictError(Exception):
    """The escalation is not as whoever acts takes it to be: here is how it is."""

    def __init__(
        self,
        code: Literal["stale", "wrong-state"],
        detail: str,
        situation: Situation,
        escalation: Escalation,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.situation = situation
        self.escalation = escalation


@dataclass(frozen=True, slots=True)
class Findings:
    """How many timers of a contact are missing, and how many of those nobody knew of."""

    missing: int
    news: int


class InvalidSettingError(Exception):
    """A setting makes no sense beside the others; `places` says where and why."""

    def __init__(self, places: list[tuple[str, str]]) -> None:
        super().__init__(places)
        self.places = places


class StaleSettingError(Exception):
    """The setting is not as you saw it."""

    def __init__(self, present: Versioned[Any] | None) -> None:
        super().__init__(self.__doc__)
        self.present = present


def decided_by(
    decide_on: Callable[[Situation, M], Decision],
    look_up: Callable[[Situation, M, UnitOfWork], Awaitable[Situation]] | None = None,
) -> Callable[[M, UnitOfWork], Awaitable[None]]:
    """Make the handler of a message: every one of them goes the same straight line."""

    async def handle(message: M, uow: UnitOfWork) -> None:
        if isinstance(message, ContactEvent):
            uow.facts.add(message, uow.outbox.cause)
        situation = await uow.situation(message.contact_id)
        if look_up is not None:
            situation = await look_up(situation, message, uow)
        kind = "event" if isinstance(message, ContactEvent) else "timer"
        record(decide_on(situation, message), uow, f"{kind}:{message.type}")

    return handle


async def with_earlier(situation: Situation, event: ContactReceived, uow: UnitOfWork) -> Situation:
    rule = causes.repetition(situation.configuration, reactions.contact_of(event))
    if rule is None:
        return situation
    return replace(situation, earlier_contacts=await uow.watches.others_of(event, rule))


async def act(
    escalation_id: EscalationId,
    step: Step,
    uow: UnitOfWork,
    versions: frozenset[int] | None = None,
) -> Decision:
    """Do what a person asks of an escalation, if it is of one of the versions that were seen.

    Raises UnknownEscalation, Conflict, or working.Forbidden.
    """
    situation, escalation = await _locked(escalation_id, uow, versions)
    if situation.escalation is not escalation:
        raise ConflictError(
            "wrong-state", f"It is {wording.state(escalation)} already.", situation, escalation
        )
    return _done(step, situation, escalation, uow)


async def reopen(
    escalation_id: EscalationId,
    by: PersonId,
    reason: str,
    uow: UnitOfWork,
    versions: frozenset[int] | None = None,
) -> Decision:
    """Open one that has ended; raises what `act` does."""
    situation, escalation = await _locked(escalation_id, uow, versions)
    if situation.escalation is escalation:
        raise ConflictError(
            "wrong-state", f"It is {wording.state(escalation)}.", situation, escalation
        )
    step = partial(actions.reopen, ended=escalation, by=by, reason=reason)
    return _done(step, situation, escalation, uow)


async def _locked(
    escalation_id: EscalationId, uow: UnitOfWork, versions: frozenset[int] | None
) -> tuple[Situation, Escalation]:
    seen = await uow.escalations.look(escalation_id)
    if seen is None:
        raise EscalationNotFoundError
    situation = await uow.situation(seen.contact_id)
    # It may have ended while we waited for the contact's lock.
    escalation = await uow.escalations.lock(escalation_id) or seen
    if versions is not None and escalation.version not in versions:
        raise ConflictError("stale", "It has changed since you saw it.", situation, escalation)
    return situation, escalation


def _done(step: Step, situation: Situation, escalation: Escalation, uow: UnitOfWork) -> Decision:
    try:
        decision = step(situation)
    except actions.RefusedError as refused:
        raise ConflictError("wrong-state", str(refused), situation, escalation) from refused
    return record(decision, uow)


async def raise_by_hand(
    contact_id: ContactId,
    by: PersonId,
    reason: str,
    uow: UnitOfWork,
    about: PersonId | None = None,
) -> Decision:
    situation = await uow.situation(contact_id)
    return record(reactions.raised_by_hand(situation, by, reason, about), uow)


def record(decision: Decision, uow: UnitOfWork, cause: str | None = None) -> Decision:
    """Write the new state and all it causes, in the caller's transaction.

    Returns the decision as it was written. `cause` is for the audit trail, where no person acts.
    """
    by = cause or uow.outbox.cause or "unknown"
    open_one = decision.situation.escalation
    situation = replace(
        decision.situation,
        escalation=None if open_one is None else _write(open_one, decision, by, uow),
    )
    ended = tuple(_write(one, decision, by, uow) for one in decision.ended)
    uow.watches.save(situation.watch)
    uow.timers.set(decision.timers)
    uow.outbox.add(decision.events)
    for surprise in decision.surprises:
        log.warning(surprise, contact_id=situation.contact_id)
    return replace(decision, situation=situation, ended=ended)


def _write(escalation: Escalation, decision: Decision, by: str, uow: UnitOfWork) -> Escalation:
    events = [
        event
        for event in decision.events
        if isinstance(event, EscalationsOwnEvent)
        and event.escalation_id == escalation.escalation_id
    ]
    if not events and not uow.escalations.has_changed(escalation):
        return escalation
    written, steps = audit_trail.written(escalation, events, by)
    uow.escalations.save(written)
    uow.trails.add(steps)
    return written


async def check_timers(contact_id: ContactId, uow: UnitOfWork) -> Findings:
    """Prove that all the contact waits for has its timer; set what has not, and tell operations.

    Once for each: what gets lost again after that, or can't be handled and was buried, would come
    back for ever, and is for people to look at.
    """
    await uow.prelock((contact_id,))
    (books,) = await uow.audits.books((contact_id,))
    found = timer_check.missing(books)
    news = [one for one in found if not await uow.audits.has_told(contact_id, one.page_id)]
    record(timer_check.mend(await uow.situation(contact_id), news), uow)
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


async def define(
    setting_id: str,
    body: S,
    by: str,
    uow: UnitOfWork,
    versions: frozenset[int] | None = None,
) -> Versioned[S]:
    """Put a setting in force, if it still is of one of the versions that were seen.

    One that says nothing new keeps its version. Raises Superseded or Faulty.
    """
    configuration = await uow.configurations.hold()
    current = configuration.find(type(body), setting_id)
    if versions is not None and (current is None or current.version not in versions):
        raise StaleSettingError(current)
    if faults := list(configuration.faults(setting_id, body)):
        raise InvalidSettingError(faults)
    return await _put_in_force(setting_id, body, current, by, uow)


async def promise(
    setting_id: str,
    policy: SlaPolicy,
    by: str,
    uow: UnitOfWork,
    versions: frozenset[int] | None = None,
    *,
    open_contacts_too: bool,
) -> Versioned[SlaPolicy]:
    """Put a policy in force, for contacts to come or also for those that are open."""
    defined = await define(setting_id, policy, by, uow, versions)
    if open_contacts_too:
        await uow.watches.look_anew_at_promises(uow.now)
    return defined


async def amend(
    schedule_id: str,
    change: Callable[[DutySchedule], DutySchedule],
    by: str,
    uow: UnitOfWork,
) -> Versioned[DutySchedule]:
    """Change a duty schedule, which must be in force, as it is once nobody else can."""
    current = (await uow.configurations.hold()).schedules[schedule_id]
    return await _put_in_force(schedule_id, change(current.body), current, by, uow)


async def _put_in_force(
    setting_id: str, body: S, current: Versioned[S] | None, by: str, uow: UnitOfWork
) -> Versioned[S]:
    if current is not None and current.body == body:
        return current
    defined = Versioned(setting_id, current.version + 1 if current else 1, body)
    await uow.configurations.add(defined, uow.now, by)
    return defined


async def announce_gaps(outlook: Outlook, uow: UnitOfWork) -> bool:
    """Tell operations of gaps ahead of which nobody has told yet; return whether it still holds.

    A gap that was filled is forgotten: if it opens again, that is news.
    """
    schedule_id = outlook.setting.id
    told = await uow.duty_gaps.hold(schedule_id)
    if not outlook.holds_by(await uow.configurations.in_force()):
        return False
    news = outlook.news(told, uow.now)
    await uow.duty_gaps.keep(schedule_id, [one.gap for one in outlook.ahead], outlook.at)
    await uow.duty_gaps.add(news, uow.now)
    uow.outbox.add(one.page(uow.now) for one in news)
    for one in news:
        start, end = one.gap.start, one.gap.end
        log.warning("duty_gap", schedule_id=schedule_id, start=start, end=end)
    return True


SUBSCRIPTIONS = (
    HandlerRegistry[UnitOfWork]()
    .on(ContactReceived, decided_by(reactions.received, with_earlier))
    .on(CustomerWrote, decided_by(reactions.wrote))
    .on(RepresentativeReplied, decided_by(reactions.replied))
    .on(WaitingOnCustomer, decided_by(reactions.waiting))
    .on(ContactPrioritized, decided_by(reactions.prioritized))
    .on(SupervisorRequested, decided_by(reactions.supervisor_requested))
    .on(ContactResolved, decided_by(reactions.resolved))
    .on(ContactReopened, decided_by(reactions.reopened))
    .on(FeedbackReceived, decided_by(reactions.rated))
    .on(ContactAssigned, decided_by(reactions.assigned))
    .on(ContactReferred, decided_by(reactions.referred))
    .on(AssignmentReleased, decided_by(reactions.released))
    .on(NotificationActedOn, decided_by(reactions.acted_on))
    .on(ClockDue, decided_by(lifecycle.come_due))
    .on(PolicyChanged, decided_by(lifecycle.policy_changed))
    .on(AcknowledgementDue, decided_by(timeouts.acknowledgement_due))
    .on(LeaseEnding, decided_by(timeouts.lease_ending))
    .on(LeaseExpires, decided_by(timeouts.lease_expires))
)
