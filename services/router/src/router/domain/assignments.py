"""The assignment of one contact, its states, and the steps between them.

Events of intake and of escalation come in any order between the two topics. So the assignment keeps
what each topic said (the need and the resolution, the supervisor), and its state follows from both.
"""

from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from common.contracts.assignments import AssignmentCompleted
from common.contracts.contacts import Priority
from common.contracts.event import ContactId, Event, PersonId, TeamId
from common.core.erasure import ERASED
from common.messages import Cancel, TimerChange
from router.domain.needs import Need
from router.domain.staffing.representatives import Representative, free
from router.domain.timers import ExclusionEnds, OfferExpires, TeamWaitEnds

State = Literal[
    "unknown",  # an event came before ContactReceived
    "seeking",  # matched or queued before the transaction ends; never stored
    "queued",
    "offered",
    "assigned",
    "with_supervisor",
    "completed",
    "abandoned",
]
WAITING: tuple[State, ...] = ("seeking", "queued")
# The states with a representative.
HELD: tuple[State, ...] = ("offered", "assigned")
ENDED: tuple[State, ...] = ("completed", "abandoned")

PRIORITY_RANKS: dict[Priority, int] = {name: rank for rank, name in enumerate(get_args(Priority))}


class Assignment(Struct, frozen=True):
    """`reason` says why it is in this state.

    `declined_by`: who declined it, let the offer expire or gave it back; they are left out until
    the exclusion ends. `preferred_id`: who had it last and gets it again if available. `offer`:
    the number of the last offer. `waits_for_team`: only people of its team may get it now.
    `ended_at`: when the contact was last resolved or abandoned; a
    take-over from before then has ended.
    """

    contact_id: ContactId
    state: State
    since: datetime
    skill: str | None = None
    language: str | None = None
    unserved_skill: str | None = None
    unserved_language: str | None = None
    team_id: TeamId | None = None
    waits_for_team: bool = False
    priority_rank: int = 0
    waiting_since: datetime | None = None
    representative_id: PersonId | None = None
    reason: str = ""
    offer: int = 0
    declined_by: tuple[PersonId, ...] = ()
    preferred_id: PersonId | None = None
    referral: str | None = None
    supervisor_id: PersonId | None = None
    taken_over_at: datetime | None = None
    ended_at: datetime | None = None
    reopened_at: datetime | None = None

    @property
    def need(self) -> Need | None:
        if self.skill is None or self.language is None:
            return None
        return Need(self.skill, self.language, self.team_id if self.waits_for_team else None)

    @property
    def unserved_need(self) -> Need | None:
        """What the contact itself needs, if nobody serves that; `need` may be the fallback."""
        if self.unserved_skill is None or self.unserved_language is None:
            return None
        return Need(self.unserved_skill, self.unserved_language)

    @property
    def own_need(self) -> Need | None:
        """What the contact itself needs, of all teams."""
        return self.unserved_need or (self.need and self.need.of_all_teams)

    @property
    def waits_since(self) -> datetime:
        return self.waiting_since or self.since

    @property
    def is_excluding(self) -> bool:
        """Whether it is queued and its timer `ExclusionEnds` is set."""
        return self.state == "queued" and bool(self.declined_by)

    @property
    def has_team_timer(self) -> bool:
        """Whether it is queued and its timer `TeamWaitEnds` is set."""
        return self.state == "queued" and self.waits_for_team

    def cancelled_timers(self) -> tuple[Cancel, ...]:
        """Cancel the timers of a queued contact."""
        timers = (
            (self.is_excluding, ExclusionEnds.type),
            (self.has_team_timer, TeamWaitEnds.type),
        )
        return tuple(Cancel(self.contact_id, slot) for is_set, slot in timers if is_set)


class Decision(Struct, frozen=True):
    """New states, events to publish and timers to set or cancel."""

    assignments: tuple[Assignment, ...] = ()
    representatives: tuple[Representative, ...] = ()
    events: tuple[Event, ...] = ()
    timers: tuple[TimerChange, ...] = ()


def new_assignment(contact_id: ContactId, at: datetime) -> Assignment:
    return Assignment(contact_id, state="unknown", since=at)


def place(assignment: Assignment, at: datetime) -> Assignment:
    """Put an open contact without a representative into the state that the topics call for."""
    if assignment.supervisor_id:
        return enter(assignment, "with_supervisor", at)
    return enter(assignment, "seeking" if assignment.need else "unknown", at)


def enter(assignment: Assignment, state: State, at: datetime) -> Assignment:
    """Enter a state without a representative; remember who had the contact."""
    was_assigned = assignment.state == "assigned"
    return replace(
        assignment,
        state=state,
        since=at,
        waits_for_team=assignment.waits_for_team and state == "seeking",
        representative_id=None,
        reason="",
        declined_by=(),
        preferred_id=assignment.representative_id if was_assigned else assignment.preferred_id,
        referral=None,
    )


def erase(assignment: Assignment) -> Assignment:
    """Erase what people wrote about the contact."""
    referral = None if assignment.referral is None else ERASED
    return replace(assignment, reason=ERASED if assignment.reason else "", referral=referral)


def exclude(assignment: Assignment, person_id: PersonId, at: datetime) -> Assignment:
    """Seek another representative than this one."""
    seeking = enter(assignment, "seeking", at)
    return replace(
        seeking,
        declined_by=(*assignment.declined_by, person_id),
        preferred_id=None if seeking.preferred_id == person_id else seeking.preferred_id,
    )


def complete(assignment: Assignment, holder: Representative | None, at: datetime) -> Decision:
    """End the assignment; an ended one stays as it is."""
    if assignment.state in ENDED:
        return Decision((assignment,))
    completed = AssignmentCompleted(
        contact_id=assignment.contact_id,
        occurred_at=at,
        representative_id=assignment.representative_id,
    )
    return leave(assignment, enter(assignment, "completed", at), holder, completed, at=at)


def leave(
    before: Assignment,
    after: Assignment,
    holder: Representative | None,
    *events: Event,
    at: datetime,
) -> Decision:
    """Free the holder's slot, and cancel the timer of the state that the contact leaves."""
    timers: list[TimerChange] = []
    if before.state == "offered":
        timers.append(Cancel(before.contact_id, OfferExpires.type))
    timers.extend(before.cancelled_timers())
    freed = (free(holder, at=at),) if holder else ()
    return Decision((after,), freed, events, tuple(timers))
