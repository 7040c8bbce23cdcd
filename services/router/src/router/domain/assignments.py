"""What becomes of one contact: one function a fact or an action, each returning a Decision.

Facts from intake and from escalation come in any order between the two. So the assignment keeps
what each has said — needs and resolution from one, the supervisor from the other — and its state
follows from both.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from common.contracts.assignments import (
    AssignmentCompleted,
    AssignmentReleased,
    ContactAssigned,
    ContactReferred,
    OfferDeclined,
    OfferExpired,
)
from common.contracts.contacts import (
    ContactPrioritized,
    ContactReceived,
    ContactReopened,
    ContactResolved,
    Priority,
)
from common.contracts.escalations import (
    EscalationClosed,
    EscalationHandedBack,
    EscalationResolved,
    EscalationTakenOver,
)
from common.contracts.event import ContactId, Event, PersonId
from common.messages import Cancel, Timer, TimerChange
from router.domain.errors import AssignmentNotFoundError, NotHolderError, WrongStateError
from router.domain.representatives import Need, Representative, unseat

State = Literal[
    "unknown",  # something was said about it before it was received
    "seeking",  # to be matched before the transaction ends; never stored
    "queued",
    "offered",
    "assigned",
    "with_supervisor",
    "completed",
]
WAITING: tuple[State, ...] = ("seeking", "queued")
# Whoever let a contact pass is left out until others had this long to take it.
ROUND = timedelta(seconds=30)

_URGENCY: dict[Priority, int] = {name: rank for rank, name in enumerate(get_args(Priority))}


class OfferExpires(Timer):
    representative_id: PersonId
    offer: int


class RoundEnds(Timer):
    """A waiting contact may go again to those who let it pass."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`passed` are those who declined it, let it expire or gave it back in this round.

    `preferred_id` had the contact last and should have it again. `offer` counts the offers, so
    that an old offer's timer is told from a new one's. What a supervisor took over before
    `resolved_at`, when it was last resolved, has ended with that.
    """

    contact_id: ContactId
    state: State
    since: datetime
    skill: str | None = None
    language: str | None = None
    urgency: int = 0
    waiting_since: datetime | None = None
    representative_id: PersonId | None = None
    because: str = ""
    offer: int = 0
    passed: tuple[PersonId, ...] = ()
    preferred_id: PersonId | None = None
    referral: str | None = None
    supervisor_id: PersonId | None = None
    taken_over_at: datetime | None = None
    resolved_at: datetime | None = None
    reopened_at: datetime | None = None

    @property
    def need(self) -> Need | None:
        if self.skill is None or self.language is None:
            return None
        return Need(self.skill, self.language)


@dataclass(frozen=True, slots=True)
class Decision:
    """New states, and what the world must hear of them and wait for."""

    assignments: tuple[Assignment, ...] = ()
    representatives: tuple[Representative, ...] = ()
    events: tuple[Event, ...] = ()
    timers: tuple[TimerChange, ...] = ()


def receive(assignment: Assignment | None, event: ContactReceived, *, at: datetime) -> Decision:
    known = assignment or _unseen(event.contact_id, at)
    if known.need:
        return Decision()
    known = replace(
        known,
        skill=event.topic_of_contact,
        language=event.language,
        urgency=_URGENCY[event.priority],
        waiting_since=event.occurred_at,
    )
    return Decision((_placed(known, at) if known.state == "unknown" else known,))


def prioritize(assignment: Assignment | None, event: ContactPrioritized) -> Decision:
    """Change its turn in the queue; who has it keeps it, and it counts when it waits again."""
    urgency = _URGENCY[event.priority]
    if assignment is None or assignment.urgency == urgency:
        return Decision()
    return Decision((replace(assignment, urgency=urgency),))


def resolve(
    assignment: Assignment | None,
    holder: Representative | None,
    event: ContactResolved,
    *,
    at: datetime,
) -> Decision:
    known = _settled(assignment or _unseen(event.contact_id, at), event.occurred_at)
    return _completed(known, holder, at)


def _settled(known: Assignment, resolved_at: datetime) -> Assignment:
    settled = replace(known, resolved_at=resolved_at)
    if known.taken_over_at is None or known.taken_over_at < resolved_at:
        return replace(settled, supervisor_id=None, taken_over_at=None)
    return settled


def _completed(known: Assignment, holder: Representative | None, at: datetime) -> Decision:
    if known.state == "completed":
        return Decision((known,))
    completed = AssignmentCompleted(
        contact_id=known.contact_id, occurred_at=at, representative_id=known.representative_id
    )
    return _leave(_entered(known, "completed", at), known, holder, completed, at=at)


def reopen(assignment: Assignment | None, event: ContactReopened, *, at: datetime) -> Decision:
    known = replace(assignment or _unseen(event.contact_id, at), reopened_at=event.occurred_at)
    if known.state == "completed":
        known = _placed(replace(known, waiting_since=event.occurred_at), at)
    return Decision((known,))


def take_over(
    assignment: Assignment | None,
    holder: Representative | None,
    event: EscalationTakenOver,
    *,
    at: datetime,
) -> Decision:
    known = assignment or _unseen(event.contact_id, at)
    # It ended with the resolution, which was heard first.
    if known.resolved_at and event.occurred_at < known.resolved_at:
        return Decision()
    known = replace(known, supervisor_id=event.by, taken_over_at=event.occurred_at)
    if known.state in ("unknown", "completed", "with_supervisor"):
        return Decision((known,))
    upstairs = _entered(known, "with_supervisor", at)
    if known.representative_id is None:
        return Decision((upstairs,))
    released = AssignmentReleased(
        contact_id=known.contact_id,
        occurred_at=at,
        representative_id=known.representative_id,
        reason=f"{event.by} took it over",
    )
    return _leave(upstairs, known, holder, released, at=at)


def hand_back(
    assignment: Assignment | None, event: EscalationHandedBack, *, at: datetime
) -> Decision:
    if assignment is None:
        return Decision()
    known = replace(assignment, supervisor_id=None, taken_over_at=None, referral=None)
    if known.state == "with_supervisor":
        known = _placed(replace(known, waiting_since=event.occurred_at), at)
    return Decision((known,))


def end_upstairs(
    assignment: Assignment | None, event: EscalationResolved | EscalationClosed, *, at: datetime
) -> Decision:
    """Let it be referred again; whoever took it over upstairs is done with it."""
    if assignment is None:
        return Decision()
    known = replace(assignment, referral=None)
    reopened = known.reopened_at is not None and event.occurred_at < known.reopened_at
    known = replace(known, taken_over_at=None)
    # It stays where it is until its resolution comes, which is on its way; but what was resolved
    # already may have been reopened since.
    if known.state != "with_supervisor" or reopened:
        known = replace(known, supervisor_id=None)
    if known.state == "with_supervisor" and reopened:
        known = _placed(known, at)
    return Decision() if known == assignment else Decision((known,))


def expire(
    assignment: Assignment | None,
    holder: Representative | None,
    timer: OfferExpires,
    *,
    at: datetime,
) -> Decision:
    # An answer, or a later offer, may have come before this timer.
    if assignment is None or assignment.state != "offered" or assignment.offer != timer.offer:
        return Decision()
    expired = OfferExpired(
        contact_id=timer.contact_id,
        occurred_at=at,
        representative_id=timer.representative_id,
    )
    return _leave(
        _passed_by(assignment, timer.representative_id, at), assignment, holder, expired, at=at
    )


def end_round(assignment: Assignment | None) -> Decision:
    if assignment is None or assignment.state != "queued":
        return Decision()
    return Decision((replace(assignment, passed=()),))


def accept(
    assignment: Assignment | None, holder: Representative | None, *, at: datetime
) -> Decision:
    known, person = _in_state(assignment, holder, "offered")
    after_s = (at - known.since).total_seconds()
    assigned = replace(known, state="assigned", since=at, passed=(), preferred_id=None)
    return Decision(
        (assigned,),
        events=(
            ContactAssigned(
                contact_id=known.contact_id,
                occurred_at=at,
                representative_id=person.representative_id,
                team_id=person.team_id,
                reason=f"{known.because}; accepted after {after_s:.0f} s",
            ),
        ),
        timers=(Cancel(known.contact_id, OfferExpires.type),),
    )


def decline(
    assignment: Assignment | None, holder: Representative | None, reason: str, *, at: datetime
) -> Decision:
    known, person = _in_state(assignment, holder, "offered")
    declined = OfferDeclined(
        contact_id=known.contact_id,
        occurred_at=at,
        representative_id=person.representative_id,
        reason=reason,
    )
    return _leave(_passed_by(known, person.representative_id, at), known, person, declined, at=at)


def complete(
    assignment: Assignment | None, holder: Representative | None, *, at: datetime
) -> Decision:
    known, person = _in_state(assignment, holder, "assigned")
    return _completed(known, person, at)


def refer(
    assignment: Assignment | None, holder: Representative | None, reason: str, *, at: datetime
) -> Decision:
    known, person = _in_state(assignment, holder, "assigned")
    if known.referral is not None:
        raise WrongStateError(known.state, "A supervisor was asked already and has not answered.")
    referred = ContactReferred(
        contact_id=known.contact_id,
        occurred_at=at,
        representative_id=person.representative_id,
        reason=reason,
    )
    return Decision((replace(known, referral=reason),), events=(referred,))


def release(
    assignment: Assignment | None, holder: Representative | None, because: str, *, at: datetime
) -> Decision:
    known, person = _in_state(assignment, holder, "assigned")
    released = AssignmentReleased(
        contact_id=known.contact_id,
        occurred_at=at,
        representative_id=person.representative_id,
        reason=because,
    )
    back = replace(_passed_by(known, person.representative_id, at), waiting_since=at)
    return _leave(back, known, person, released, at=at)


def check_holder(assignment: Assignment | None, person_id: PersonId) -> None:
    """Refuse a representative what is with another. What nobody has is a matter of its state."""
    if assignment and assignment.representative_id not in (None, person_id):
        raise NotHolderError(assignment.representative_id)


def _unseen(contact_id: ContactId, at: datetime) -> Assignment:
    return Assignment(contact_id, state="unknown", since=at)


def _placed(known: Assignment, at: datetime) -> Assignment:
    """Return an open contact that no representative has, where it must be."""
    if known.supervisor_id:
        return _entered(known, "with_supervisor", at)
    return _entered(known, "seeking" if known.need else "unknown", at)


def _entered(known: Assignment, state: State, at: datetime) -> Assignment:
    """Return it in that state and with no representative; whoever had it is remembered."""
    last = known.representative_id if known.state == "assigned" else known.preferred_id
    return replace(
        known,
        state=state,
        since=at,
        representative_id=None,
        because="",
        passed=(),
        preferred_id=last,
        referral=None,
    )


def _passed_by(known: Assignment, person_id: PersonId, at: datetime) -> Assignment:
    seeking = _entered(known, "seeking", at)
    preferred_id = None if seeking.preferred_id == person_id else seeking.preferred_id
    return replace(seeking, passed=(*known.passed, person_id), preferred_id=preferred_id)


def _leave(
    state: Assignment,
    before: Assignment,
    holder: Representative | None,
    event: Event,
    *,
    at: datetime,
) -> Decision:
    """Take the contact from whoever has it or is offered it."""
    offered = before.state == "offered"
    return Decision(
        (state,),
        (unseat(holder, at=at),) if holder else (),
        (event,),
        (Cancel(before.contact_id, OfferExpires.type),) if offered else (),
    )


def _in_state(
    assignment: Assignment | None, holder: Representative | None, state: State
) -> tuple[Assignment, Representative]:
    """Return what a representative acts on, if it is in that state."""
    if assignment is None or assignment.state == "unknown":
        raise AssignmentNotFoundError
    if assignment.state != state or holder is None:
        raise WrongStateError(assignment.state)
    return assignment, holder
