"""The way up: raise or merge, page a level, climb, and never fall silent."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from common.contracts.escalations import (
    EscalationClimbed,
    EscalationRaised,
    EscalationReasonAdded,
    EscalationsEvent,
    EscalationUnanswered,
    PageReason,
    PageRequested,
    Severity,
)
from common.contracts.event import EscalationId, PageId, PersonId
from common.messages import Schedule
from escalation.domain import words
from escalation.domain.configuration import DEFAULT_LADDER
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import AcknowledgementDue
from escalation.domain.watches import Escalation, Reason, Watch, ms_between

# How often an escalation for which there is no ladder looks whether there is one now.
NO_LADDER_RETRY_S = 60.0

_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


def escalate(situation: Situation, reason: Reason) -> Decision:
    """Raise an escalation, or add the reason to the open one; a contact that is closed stays so."""
    if not situation.watch.is_open:
        return nothing(situation)
    if situation.escalation is not None:
        return _merge(situation, situation.escalation, reason)
    return _raise(situation, reason)


def _merge(situation: Situation, escalation: Escalation, reason: Reason) -> Decision:
    new_cause = all(known.cause != reason.cause for known in escalation.reasons)
    merged = replace(
        escalation,
        reasons=(*escalation.reasons, reason),
        severity=_above(escalation.severity) if new_cause else escalation.severity,
    )
    added = EscalationReasonAdded(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=merged.escalation_id,
        cause=reason.cause,
        reason=reason.text,
        severity=merged.severity,
    )
    return Decision(replace(situation, escalation=merged), (added,))


def _above(severity: Severity) -> Severity:
    """Two kinds of trouble at once weigh more than either."""
    return _SEVERITIES[min(_SEVERITIES.index(severity) + 1, len(_SEVERITIES) - 1)]


def _raise(situation: Situation, reason: Reason) -> Decision:
    watch = situation.watch
    ladder = situation.configuration.ladder(watch.ladder_id)
    escalation = Escalation(
        escalation_id=_next_id(watch),
        contact_id=watch.contact_id,
        state="raised",
        severity=watch.severity,
        ladder=ladder,
        level=0,
        round=0,
        reasons=(reason,),
        awaited=(),
        holder=None,
        lease_no=0,
        deadline=None,
        raised_at=situation.at,
    )
    raised = EscalationRaised(
        contact_id=watch.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        cause=reason.cause,
        reason=reason.text,
        severity=escalation.severity,
        ladder_id=ladder.id if ladder else watch.ladder_id or DEFAULT_LADDER,
        ladder_version=ladder.version if ladder else 0,
        level=0,
        level_name=escalation.level_name,
    )
    watch = replace(
        watch, escalation_id=escalation.escalation_id, escalations=watch.escalations + 1
    )
    after = replace(situation, watch=watch, escalation=escalation)
    return Decision(after, (raised,)).then(
        lambda now: move_up(now, escalation, because=None, due_at=None)
    )


def _next_id(watch: Watch) -> EscalationId:
    name = f"{watch.contact_id}/escalation/{watch.escalations + 1}"
    return EscalationId(str(uuid5(NAMESPACE_OID, name)))


@dataclass(frozen=True, slots=True)
class _Landing:
    """Where an escalation goes next: whom it asks there, and why not those before."""

    level: int
    people: tuple[PersonId, ...]
    passed: tuple[str, ...]


def above(situation: Situation, escalation: Escalation) -> _Landing | None:
    """Return the next level with somebody who was not just asked, if there is one."""
    if escalation.ladder is None:
        return None
    passed: list[str] = []
    levels = escalation.ladder.body.levels
    # A level where nobody was on duty has not had its turn yet.
    first = escalation.level + 1 if escalation.awaited else escalation.level
    for level in range(first, len(levels)):
        on_duty = situation.configuration.people(levels[level], situation.at)
        people = tuple(person for person in on_duty if person not in escalation.awaited)
        if people:
            return _Landing(level, people, tuple(passed))
        passed.append(
            f"only {words.people(on_duty)} at {levels[level].name}"
            if on_duty
            else f"nobody on duty at {levels[level].name}"
        )
    return None


def move_up(
    situation: Situation, escalation: Escalation, because: str | None, due_at: datetime | None
) -> Decision:
    """Ask the next level that has somebody; at the top, ask again.

    `due_at` is when the timer was due that sends it up, nil if a person does.
    """
    escalation = _held_by_nobody(situation, escalation)
    landing = above(situation, escalation)
    if landing is None:
        return _ask_again(situation, escalation, because, due_at)
    reasons = (*((because,) if because else ()), *landing.passed)
    if landing.level == escalation.level:
        return _page(situation, escalation, landing, because)
    risen = replace(escalation, level=landing.level, round=0)
    climbed = EscalationClimbed(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        from_level=escalation.level,
        to_level=landing.level,
        level_name=risen.level_name,
        because="; ".join(reasons),
        lateness_ms=None if due_at is None else ms_between(due_at, situation.at),
    )
    return Decision(situation, (climbed,)).then(
        lambda now: _page(now, risen, landing, "; ".join(reasons))
    )


def _held_by_nobody(situation: Situation, escalation: Escalation) -> Escalation:
    """Let it wait for anyone; one without a ladder takes up the one that was made since."""
    ladder = escalation.ladder or situation.configuration.ladder(situation.watch.ladder_id)
    return replace(escalation, state="raised", holder=None, ladder=ladder)


def _ask_again(
    situation: Situation, escalation: Escalation, because: str | None, due_at: datetime | None
) -> Decision:
    """Page the level again, or the nearest below that has somebody: never silence."""
    landing = _at_or_below(situation, escalation)
    events: tuple[EscalationsEvent, ...] = ()
    if due_at is not None:
        unanswered = EscalationUnanswered(
            contact_id=situation.contact_id,
            occurred_at=situation.at,
            escalation_id=escalation.escalation_id,
            level=escalation.level,
            lateness_ms=ms_between(due_at, situation.at),
        )
        events = (unanswered,)
    surprises = () if landing.people else ("nobody_on_duty",)
    return Decision(situation, events, surprises=surprises).then(
        lambda now: _page(now, escalation, landing, because)
    )


def _at_or_below(situation: Situation, escalation: Escalation) -> _Landing:
    levels = () if escalation.ladder is None else escalation.ladder.body.levels
    for level in range(min(escalation.level, len(levels) - 1), -1, -1):
        people = situation.configuration.people(levels[level], situation.at)
        if people:
            return _Landing(level, people, ())
    return _Landing(len(levels) - 1, (), ())


def _page(
    situation: Situation, escalation: Escalation, landing: _Landing, because: str | None
) -> Decision:
    """Tell the landing's people and wait for one of them, or with nobody there to look again."""
    window = _window(escalation, landing.level)
    deadline = situation.at + window
    waiting = replace(
        escalation, round=escalation.round + 1, awaited=landing.people, deadline=deadline
    )
    due = AcknowledgementDue(
        contact_id=waiting.contact_id,
        escalation_id=waiting.escalation_id,
        level=waiting.level,
        round=waiting.round,
    )
    pages = tuple(
        PageRequested(
            contact_id=waiting.contact_id,
            occurred_at=situation.at,
            page_id=_page_id(waiting, person),
            person_id=person,
            reason=_page_reason(situation, waiting),
            headline=words.headline(situation.watch, waiting.reasons[0], situation.at),
            why=words.why(situation.watch, _grounds(waiting, because)),
            escalation_id=waiting.escalation_id,
            severity=waiting.severity,
            level_name=waiting.level_name,
            respond_by=deadline,
        )
        for person in landing.people
    )
    return Decision(replace(situation, escalation=waiting), pages, (Schedule(due, deadline),))


def _window(escalation: Escalation, level: int) -> timedelta:
    if escalation.ladder is None:
        return timedelta(seconds=NO_LADDER_RETRY_S)
    return timedelta(seconds=escalation.ladder.body.levels[level].acknowledge_within_s)


def _page_reason(situation: Situation, waiting: Escalation) -> PageReason:
    before = situation.escalation
    if before is None or (not before.awaited and before.lease_no == 0):
        return "raised"
    return "climbed" if waiting.level > before.level else "repeated"


def _grounds(escalation: Escalation, because: str | None) -> tuple[str, ...]:
    texts = tuple(reason.text for reason in escalation.reasons)
    return texts if because is None else (because[:1].upper() + because[1:], *texts)


def _page_id(escalation: Escalation, person: PersonId) -> PageId:
    at = f"{escalation.escalation_id}/{escalation.level}/{escalation.round}/{person}"
    return PageId(str(uuid5(NAMESPACE_OID, at)))
