"""The way up: raise or merge, page a level, climb, and never fall silent."""

from datetime import datetime, timedelta
from functools import partial
from uuid import NAMESPACE_OID, uuid5

from common.contracts.escalations import (
    EscalationClimbed,
    EscalationRaised,
    EscalationReasonAdded,
    EscalationUnanswered,
    PageReason,
    PageRequested,
    Severity,
    Wait,
)
from common.contracts.event import EscalationId, PageId, PersonId
from common.messages import Schedule
from escalation.domain import wording
from escalation.domain.clocks import schedule
from escalation.domain.duty.calendars import add_business_time
from escalation.domain.escalations.responders import (
    Landing,
    above,
    at_or_below,
    landing_at,
    may_act,
    unfit,
)
from escalation.domain.model import Escalation, Reason, Watch, ms_between
from escalation.domain.settings.ladders import Ladder
from escalation.domain.settings.registry import DEFAULT_LADDER, Versioned
from escalation.domain.situation import Decision, Situation, nothing
from escalation.domain.timers import AcknowledgementDue
from escalation.domain.types import OPERATIONS
from escalation.domain.values import replace

# How often an escalation for which there is no ladder looks whether there is one now.
NO_LADDER_RETRY_S = 60.0

_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
# They are about us: the contact's own end does not settle them.
_OUTLIVING = ("feedback", "complaint")


def outlives_contact(escalation: Escalation) -> bool:
    """Tell whether it stays open when the contact is resolved."""
    return any(reason.cause in _OUTLIVING for reason in escalation.reasons)


def escalate(situation: Situation, reason: Reason, *further: Reason) -> Decision:
    """Raise an escalation, or add the reasons to the open one."""
    if not _matters(situation, reason):
        return nothing(situation)
    if situation.escalation is None:
        return _raise(situation, reason, *further)
    decision = nothing(situation)
    for each in (reason, *further):
        decision = decision.then(partial(_merge, reason=each))
    return decision


def _matters(situation: Situation, reason: Reason) -> bool:
    """A contact that is closed stays so, but for what outlives it."""
    watch, escalation = situation.watch, situation.escalation
    if watch.is_open or watch.opened_at is None:
        return watch.is_open
    open_still = escalation is not None and outlives_contact(escalation)
    return reason.cause in _OUTLIVING or open_still


def _merge(situation: Situation, reason: Reason) -> Decision:
    """Add the reason to the open one, and tell those whom a new kind of trouble concerns."""
    escalation = situation.escalation
    if escalation is None:
        return nothing(situation)
    merged = _with(escalation, reason)
    # Who may not judge what it is now about is no longer asked: that person is told nothing.
    able = tuple(person for person in merged.awaited if may_act(merged, person))
    if able or merged.holder is not None:
        merged = replace(merged, awaited=able)
    after = replace(situation, escalation=merged)
    pages: tuple[PageRequested, ...] = ()
    if _is_news(escalation, reason) and not unfit(after, merged):
        concerned = merged.awaited if merged.holder is None else (merged.holder,)
        pages = tuple(page(after, merged, person, "updated", reason.text) for person in concerned)
    return Decision(after, (_added(after, merged, reason), *pages))


def _is_news(escalation: Escalation, reason: Reason) -> bool:
    return all(known.cause != reason.cause for known in escalation.reasons)


def _with(escalation: Escalation, reason: Reason) -> Escalation:
    """Two kinds of trouble at once weigh more than either."""
    severity = escalation.severity
    if _is_news(escalation, reason):
        severity = _SEVERITIES[min(_SEVERITIES.index(severity) + 1, len(_SEVERITIES) - 1)]
    return replace(escalation, reasons=(*escalation.reasons, reason), severity=severity)


def _added(situation: Situation, merged: Escalation, reason: Reason) -> EscalationReasonAdded:
    return EscalationReasonAdded(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=merged.escalation_id,
        cause=reason.cause,
        reason=reason.text,
        severity=merged.severity,
    )


def _raise(situation: Situation, reason: Reason, *further: Reason) -> Decision:
    watch = situation.watch
    escalation = Escalation(
        escalation_id=_next_id(watch),
        contact_id=watch.contact_id,
        state="raised",
        severity=watch.severity,
        ladder=None,
        level=0,
        round=0,
        reasons=(reason,),
        awaited=(),
        holder=None,
        lease_no=0,
        deadline=None,
        raised_at=situation.at,
    )
    added: list[EscalationReasonAdded] = []
    for each in further:
        escalation = _with(escalation, each)
        added.append(_added(situation, escalation, each))
    ladder = _ladder(situation, escalation.severity)
    escalation = replace(escalation, ladder=ladder)
    raised = EscalationRaised(
        contact_id=watch.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        cause=reason.cause,
        reason=reason.text,
        severity=watch.severity,
        ladder_id=ladder.id if ladder else watch.ladder_id or DEFAULT_LADDER,
        ladder_version=ladder.version if ladder else 0,
        level=0,
        level_name=escalation.level_name,
    )
    watch = replace(
        watch, escalation_id=escalation.escalation_id, escalations=watch.escalations + 1
    )
    after = replace(situation, watch=watch, escalation=escalation)
    return (
        Decision(after, (raised, *added))
        .then(schedule.escalation_raised)
        .then(lambda now: move_up(now, escalation, because=None, due_at=None))
    )


def _next_id(watch: Watch) -> EscalationId:
    name = f"{watch.contact_id}/escalation/{watch.escalations + 1}"
    return EscalationId(str(uuid5(NAMESPACE_OID, name)))


def _ladder(situation: Situation, severity: Severity) -> Versioned[Ladder] | None:
    """Return the ladder that the policy names for so grave a matter, or for any."""
    policy = schedule.policy_in_force(situation)
    by_severity = policy.body.ladder_by_severity if policy else {}
    ladder_id = by_severity.get(severity, situation.watch.ladder_id)
    return situation.configuration.ladder(ladder_id)


def go_on(
    situation: Situation, escalation: Escalation, because: str | None, due_at: datetime
) -> Decision:
    """Nobody answered: ask the next in turn, or the level again as often as it says, or go up."""
    found = _still_here(situation, escalation)
    if found is None:
        return move_up(situation, escalation, because, due_at)
    waiting, landing = found
    return ask(situation, waiting, landing, _told(because, landing))


def _still_here(situation: Situation, escalation: Escalation) -> tuple[Escalation, Landing] | None:
    if escalation.ladder is None or not escalation.awaited:
        return None
    level = escalation.ladder.body.levels[escalation.level]
    if level.ask == "in_turn":
        landing = landing_at(situation, escalation, escalation.level)
        if landing.people:
            return escalation, replace(landing, asked_before=escalation.awaited)
    if escalation.repeats < level.repeats:
        again = replace(escalation, repeats=escalation.repeats + 1, awaited=())
        landing = landing_at(situation, again, escalation.level)
        if landing.people:
            return again, landing
    return None


def move_up(
    situation: Situation, escalation: Escalation, because: str | None, due_at: datetime | None
) -> Decision:
    """Ask the next level that has somebody; at the top, ask again.

    `due_at` is when the timer was due that sends it up, nil if a person does.
    """
    waited_for = None if due_at is None else _waited_for(situation.escalation)
    escalation = _held_by_nobody(situation, escalation)
    landing = above(situation, escalation)
    if landing is None:
        return _ask_again(situation, escalation, because, due_at, waited_for)
    told = _told(because, landing)
    if landing.level == escalation.level:
        return ask(situation, escalation, landing, told)
    risen = replace(escalation, level=landing.level, round=0, repeats=0)
    climbed = EscalationClimbed(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        from_level=escalation.level,
        to_level=landing.level,
        level_name=risen.level_name,
        reason=told or "",
        lateness_ms=None if due_at is None else ms_between(due_at, situation.at),
        waited_for=waited_for,
    )
    return Decision(situation, (climbed,)).then(lambda now: ask(now, risen, landing, told))


def _told(because: str | None, landing: Landing) -> str | None:
    return "; ".join((*((because,) if because else ()), *landing.passed)) or None


def _held_by_nobody(situation: Situation, escalation: Escalation) -> Escalation:
    """Let it wait for anyone; one without a ladder takes up the one that was made since."""
    ladder = escalation.ladder or _ladder(situation, escalation.severity)
    return replace(escalation, state="raised", holder=None, ladder=ladder)


def _waited_for(before: Escalation | None) -> Wait:
    return "acknowledgement_due" if before is None or before.holder is None else "lease"


def _ask_again(
    situation: Situation,
    escalation: Escalation,
    because: str | None,
    due_at: datetime | None,
    waited_for: Wait | None,
) -> Decision:
    """Page the level again, or the nearest below that has somebody: never silence.

    Where nobody has answered at all, or there is nobody to ask, an alarm stands until somebody
    does, and operations are told of it once.
    """
    landing = at_or_below(situation, escalation)
    told = _told(because, landing)
    again = replace(escalation, repeats=0)
    if due_at is None and landing.people:
        return ask(situation, again, landing, told)
    standing = replace(again, alarm_since=escalation.alarm_since or situation.at)
    unanswered = EscalationUnanswered(
        contact_id=situation.contact_id,
        occurred_at=situation.at,
        escalation_id=escalation.escalation_id,
        level=escalation.level,
        lateness_ms=ms_between(due_at or situation.at, situation.at),
        standing_since=standing.alarm_since,
        waited_for=waited_for,
    )
    surprises = () if landing.people else ("nobody_on_duty",)
    decision = Decision(situation, (unanswered,), surprises=surprises).then(
        lambda now: ask(now, standing, landing, told)
    )
    if escalation.alarm_since is not None:
        return decision
    return decision.then(partial(tell_operations, because=told))


def tell_operations(situation: Situation, because: str | None) -> Decision:
    escalation = situation.escalation
    if escalation is None:
        return nothing(situation)
    told = page(situation, escalation, OPERATIONS, "unanswered", because)
    # The media of the level are for those who work there.
    return Decision(situation, (told.model_copy(update={"media": None}),))


def ask(
    situation: Situation,
    escalation: Escalation,
    landing: Landing,
    because: str | None,
    reason: PageReason | None = None,
) -> Decision:
    """Tell the landing's people and wait for one of them, or with nobody there to look again."""
    deadline = acknowledge_by(situation, escalation, landing.level)
    waiting = replace(
        escalation,
        round=escalation.round + 1,
        awaited=(*landing.asked_before, *landing.people),
        deadline=deadline,
    )
    due = AcknowledgementDue(
        contact_id=waiting.contact_id,
        escalation_id=waiting.escalation_id,
        level=waiting.level,
        round=waiting.round,
    )
    pages = tuple(
        page(situation, waiting, person, reason or _page_reason(situation, waiting), because)
        for person in landing.people
    )
    after = replace(situation, escalation=waiting)
    return Decision(after, pages, (Schedule(due, deadline),))


def acknowledge_by(situation: Situation, escalation: Escalation, n: int) -> datetime:
    """Return until when the people of a level have time to answer, if they are asked now."""
    if escalation.ladder is None:
        return situation.at + timedelta(seconds=NO_LADDER_RETRY_S)
    level = escalation.ladder.body.levels[n]
    within = timedelta(seconds=level.acknowledge_within_s)
    if level.calendar_id is None:
        return situation.at + within
    calendar = situation.configuration.calendars[level.calendar_id]
    return add_business_time(calendar.body, situation.at, within)


def page(
    situation: Situation,
    escalation: Escalation,
    person: PersonId,
    reason: PageReason,
    because: str | None,
) -> PageRequested:
    """Tell a person once what the escalation, as it is from now on, wants of that person."""
    levels = escalation.ladder.body.levels if escalation.ladder else ()
    level = levels[escalation.level_asked] if levels else None
    if reason == "updated":
        headline = wording.headline(situation.watch, escalation.reasons[-1], situation.at)
    else:
        headline = wording.page_headline(situation.watch, escalation, situation.at)
    return PageRequested(
        contact_id=escalation.contact_id,
        occurred_at=situation.at,
        page_id=_page_id(escalation, person, reason),
        person_id=person,
        reason=reason,
        headline=headline,
        why=wording.why(situation.watch, _grounds(escalation, because)),
        escalation_id=escalation.escalation_id,
        severity=escalation.severity,
        level_name=level.name if level else escalation.level_name,
        respond_by=escalation.deadline,
        media=level.media if level else None,
    )


def _page_reason(situation: Situation, waiting: Escalation) -> PageReason:
    before = situation.escalation
    if before is None or (not before.awaited and before.lease_no == 0):
        return "raised"
    return "climbed" if waiting.level > before.level else "repeated"


def _grounds(escalation: Escalation, because: str | None) -> tuple[str, ...]:
    texts = tuple(reason.text for reason in escalation.reasons if reason.text != because)
    return texts if because is None else (because[:1].upper() + because[1:], *texts)


def _page_id(escalation: Escalation, person: PersonId, reason: PageReason) -> PageId:
    turn = f"{escalation.level}/{escalation.round}/{escalation.lease_no}/{len(escalation.reasons)}"
    return PageId(str(uuid5(NAMESPACE_OID, f"{escalation.escalation_id}/{turn}/{reason}/{person}")))
