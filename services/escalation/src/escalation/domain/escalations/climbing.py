"""Moves an escalation on: to the next in turn, the next level, or the top level again."""

from dataclasses import replace
from datetime import datetime

from msgspec import structs

from common.contracts.escalations import EscalationClimbed, EscalationUnanswered, Severity, Wait
from common.contracts.event import PersonId
from escalation.domain import wording
from escalation.domain.escalations.page_requests import page_level, page_operations
from escalation.domain.escalations.responders import NextStop, nearest_level, next_level, stop_at
from escalation.domain.model import Escalation, ms_between
from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.registry import Versioned
from escalation.domain.situation import Decision, Situation, no_change

# Of an event: the vacancies of a whole ladder could be too large for one.
_MAX_VACANCIES = 20


def select_ladder(situation: Situation, severity: Severity) -> Versioned[Ladder]:
    """Return the ladder that the policy names for this severity, or else the policy's own."""
    policy = situation.policy
    by_severity = policy.body.ladder_by_severity if policy else {}
    ladder_id = by_severity.get(severity, situation.contact.ladder_id)
    return situation.configuration.ladder_for(ladder_id)


def advance(
    situation: Situation, escalation: Escalation, explanation: str | None, due_at: datetime
) -> Decision:
    """Nobody answered: page the next in turn, the level again as often as it says, or climb."""
    on = _next_in_turn(situation, escalation) or _repeat_within_level(situation, escalation)
    if on is None:
        return climb(situation, escalation, explanation, due_at, _unreached(escalation))
    waiting, stop = on
    return page_level(situation, waiting, stop, _explain(explanation, stop))


def pass_on(situation: Situation, escalation: Escalation, explanation: str | None) -> Decision:
    """Nobody was reached: page the next in turn, or climb; operations are paged about the level.

    A level is repeated at once only if somebody was reached in an earlier turn. At the top an alarm
    stands, and the level is paged again when its time is over.
    """
    on = _next_in_turn(situation, escalation)
    if on is None and any(page.failure is None for page in escalation.pages):
        on = _repeat_within_level(situation, escalation)
    if on is not None:
        waiting, stop = on
        return page_level(situation, waiting, stop, _explain(explanation, stop))
    decision = page_operations(situation, explanation, "unreachable")
    if next_level(situation, escalation) is not None:
        unreached = _unreached(escalation)
        return decision.then(climb, escalation, explanation, unreached=unreached)
    # After a hand-over the people of the level itself have not been asked.
    stop = stop_at(situation, escalation, escalation.level)
    if stop.people:
        return decision.then(page_level, escalation, stop, _explain(explanation, stop))
    return alarm(situation, escalation, explanation)


def alarm(situation: Situation, escalation: Escalation, explanation: str | None) -> Decision:
    """Let an alarm stand until somebody answers, and page operations; the timer stays."""
    if escalation.alarm_since is not None:
        return no_change(situation)
    unanswered = EscalationUnanswered(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        level=escalation.paged_level,
        lateness_ms=0,
        standing_since=situation.at,
    )
    alarmed = situation.with_escalation(replace(escalation, alarm_since=situation.at))
    return Decision(alarmed, (unanswered,)).then(page_operations, explanation)


def _next_in_turn(
    situation: Situation, escalation: Escalation
) -> tuple[Escalation, NextStop] | None:
    if not escalation.awaited or not escalation.levels:
        return None
    if escalation.levels[escalation.level].ask != "in_turn":
        return None
    stop = stop_at(situation, escalation, escalation.level)
    return (escalation, replace(stop, paged_before=escalation.awaited)) if stop.people else None


def _repeat_within_level(
    situation: Situation, escalation: Escalation
) -> tuple[Escalation, NextStop] | None:
    if not escalation.awaited or not escalation.levels:
        return None
    if escalation.repeats >= escalation.levels[escalation.level].repeats:
        return None
    again = replace(escalation, repeats=escalation.repeats + 1, awaited=())
    stop = stop_at(situation, again, escalation.level)
    return (again, stop) if stop.people else None


def climb(
    situation: Situation,
    escalation: Escalation,
    explanation: str | None,
    due_at: datetime | None = None,
    unreached: tuple[PersonId, ...] = (),
) -> Decision:
    """Page the next level that has people; at the top, page it again.

    `due_at` is when the timer was due that sends it up, None if a person does. `unreached` are
    given where nobody has answered.
    """
    waited_for = None if due_at is None else _waited_for(situation.escalation)
    escalation = _without_holder(situation, escalation)
    stop = next_level(situation, escalation)
    if stop is None:
        return _repeat_top(situation, escalation, explanation, due_at, waited_for)
    explanation = _explain(explanation, stop)
    if stop.level == escalation.level:
        return page_level(situation, escalation, stop, explanation)
    climbed = replace(escalation, level=stop.level, round=0, repeats=0, top_repeats=0)
    event = EscalationClimbed(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        from_level=escalation.level,
        to_level=stop.level,
        level_name=climbed.level_name,
        reason=explanation or "",
        lateness_ms=None if due_at is None else ms_between(due_at, situation.at),
        waited_for=waited_for,
        vacancies=stop.vacancies[:_MAX_VACANCIES],
        unreached=unreached,
    )
    return Decision(situation, (event,)).then(page_level, climbed, stop, explanation)


def _unreached(escalation: Escalation) -> tuple[PersonId, ...]:
    """Return the awaited whom no message has reached."""
    failed = {page.person_id for page in escalation.pages if page.failure}
    return tuple(person for person in escalation.awaited if person in failed)[:_MAX_VACANCIES]


def _explain(explanation: str | None, stop: NextStop) -> str | None:
    return wording.joined(explanation, *map(wording.vacancy, stop.vacancies))


def _without_holder(situation: Situation, escalation: Escalation) -> Escalation:
    """Release it; without a ladder, take one that was put in force since."""
    ladder = escalation.ladder
    if not escalation.levels:
        ladder = select_ladder(situation, escalation.severity)
    return replace(escalation, state="raised", lease=None, ladder=ladder)


def _waited_for(before: Escalation | None) -> Wait:
    return "acknowledgement_due" if before is None or before.lease is None else "lease"


def repeat_level(situation: Situation, escalation: Escalation, explanation: str | None) -> Decision:
    """Page the level where it stands again, as it does at the top, but without an alarm."""
    unasked = replace(escalation, awaited=())
    stop = stop_at(situation, unasked, escalation.level)
    released = _without_holder(situation, escalation)
    return _page_again(situation, released, stop, _explain(explanation, stop))


def _page_again(
    situation: Situation, escalation: Escalation, stop: NextStop, explanation: str | None
) -> Decision:
    """Page the stop once more, with twice the time; after the last repeat only who is new there."""
    again = replace(escalation, repeats=0)
    if may_repeat(escalation):
        return page_level(situation, with_repeat(again), stop, explanation)
    others = stop_at(situation, escalation, stop.level)
    if others.people:
        again = replace(again, top_repeats=0)
    waiting = replace(others, paged_before=escalation.awaited)
    return page_level(situation, again, waiting, explanation)


def may_repeat(escalation: Escalation) -> bool:
    return not escalation.awaited or escalation.top_repeats < escalation.ladder.body.top_repeats


def with_repeat(escalation: Escalation) -> Escalation:
    """Count a repeat, unless nobody was asked yet."""
    if not escalation.awaited:
        return escalation
    return replace(escalation, top_repeats=escalation.top_repeats + 1)


def _repeat_top(
    situation: Situation,
    escalation: Escalation,
    explanation: str | None,
    due_at: datetime | None,
    waited_for: Wait | None,
) -> Decision:
    """Page the level again, or the nearest below that has people.

    If the whole ladder went unanswered, or has no people, an alarm stands until somebody answers;
    operations are paged about it once.
    """
    stop = nearest_level(situation, escalation)
    explanation = _explain(explanation, stop)
    if due_at is None and stop.people:
        return page_level(situation, replace(escalation, repeats=0), stop, explanation)
    alarmed = replace(escalation, alarm_since=escalation.alarm_since or situation.at)
    surprises = () if stop.people else ("nobody_on_duty",)
    decision = _page_again(situation, alarmed, stop, explanation)
    if escalation.alarm_since is not None and not decision.events:
        return structs.replace(decision, surprises=surprises)
    unanswered = EscalationUnanswered(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        level=escalation.level,
        lateness_ms=ms_between(due_at or situation.at, situation.at),
        standing_since=alarmed.alarm_since,
        waited_for=waited_for,
    )
    decision = structs.replace(decision, events=(unanswered, *decision.events), surprises=surprises)
    if escalation.alarm_since is not None:
        return decision
    return decision.then(page_operations, explanation)
