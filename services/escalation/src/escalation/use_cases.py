"""What people and workers have escalation do: load, decide, record. None of it commits."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from msgspec.structs import replace

from common.contracts.event import ComplaintId, ContactId, EscalationId, PersonId, Role
from common.core.ids import new_id
from common.core.preconditions import NO_PRECONDITION, Precondition
from escalation.domain import change_reasons, complaints, errors, reactions, timer_check, wording
from escalation.domain.clocks.acknowledgement import follow
from escalation.domain.complaint_model import Complaint
from escalation.domain.duty.calendars import Calendar
from escalation.domain.duty_gaps import GapForecast
from escalation.domain.errors import (
    EscalationNotFoundError,
    InvalidSettingError,
    SimulationNotFoundError,
    StaleEscalationError,
    StaleSettingError,
    TooManySimulationsError,
    WrongStateError,
)
from escalation.domain.escalations import actions
from escalation.domain.model import Escalation
from escalation.domain.settings.people import MAX_WINDOW_DAYS, PersonAbsences, reporting_line
from escalation.domain.settings.policies import SlaPolicy
from escalation.domain.settings.registry import Configuration, Setting, Versioned
from escalation.domain.settings.validation import (
    invalid_absences,
    require_not_below,
    validate_setting,
)
from escalation.domain.simulation_job import (
    MAX_OPEN_JOBS,
    MAX_OPEN_JOBS_OF_PERSON,
    SimulationId,
    SimulationJob,
    SimulationRequest,
    new_job,
    with_drafts,
)
from escalation.domain.situation import Decide, Decision, Situation
from escalation.handlers import record, with_complaints
from escalation.store.unit_of_work import UnitOfWork

S = TypeVar("S", bound=Setting)
Terms = TypeVar("Terms", SlaPolicy, Calendar)
Versions = Container[int]
_DAY = timedelta(days=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TimerCheckResult:
    """How many timers of a contact are missing, and how many were not reported before."""

    missing: int
    newly_missing: int


async def apply_action(
    escalation_id: EscalationId,
    decide: Decide,
    uow: UnitOfWork,
    versions: Versions | None = None,
    *,
    costs: bool = False,
) -> Decision:
    """Apply a person's action to an open escalation at one of `versions`, or at any if None.

    With `costs` it counts what was granted to the contact and the customer before.

    Raises EscalationNotFoundError, WrongStateError, StaleEscalationError or ForbiddenError.
    """
    situation, escalation = await _lock(escalation_id, uow, versions)
    if situation.escalation is not escalation:
        raise WrongStateError(f"It is {wording.state(escalation)} already.", situation, escalation)
    if costs:
        contact, since = situation.contact, uow.now - timedelta(days=MAX_WINDOW_DAYS)
        grants = await uow.grants.before(contact.contact_id, contact.customer_id, since)
        situation = replace(situation, grants=grants)
    return await _decide(decide, situation, escalation, uow)


async def reopen(
    escalation_id: EscalationId,
    by: PersonId,
    reason: str,
    uow: UnitOfWork,
    versions: Versions | None = None,
) -> Decision:
    """Reopen an escalation that has ended; raises the same errors as `apply_action`."""
    situation, escalation = await _lock(escalation_id, uow, versions)
    if situation.escalation is escalation:
        raise WrongStateError(f"It is {wording.state(escalation)}.", situation, escalation)
    decide = partial(actions.reopen_escalation, ended=escalation, by=by, reason=reason)
    return await _decide(decide, situation, escalation, uow)


async def _lock(
    escalation_id: EscalationId, uow: UnitOfWork, versions: Versions | None
) -> tuple[Situation, Escalation]:
    unlocked = await uow.escalations.get(escalation_id)
    if unlocked is None:
        raise EscalationNotFoundError
    situation = await uow.situation(unlocked.contact_id)
    # It may have ended while this transaction waited for the contact's lock.
    escalation = await uow.escalations.lock(escalation_id) or unlocked
    if versions is not None and escalation.version not in versions:
        raise StaleEscalationError("It has changed since you read it.", situation, escalation)
    return situation, escalation


async def _decide(
    decide: Decide, situation: Situation, escalation: Escalation, uow: UnitOfWork
) -> Decision:
    try:
        decision = await uow.decide(lambda before: follow(decide(before)), situation)
    except errors.RefusedError as refused:
        raise WrongStateError(str(refused), situation, escalation, refused) from refused
    return record(decision, uow)


async def raise_by_hand(
    contact_id: ContactId, by: PersonId, reason: str, uow: UnitOfWork
) -> Decision:
    situation = await uow.situation(contact_id)
    return record(follow(reactions.raise_by_hand(situation, by, reason)), uow)


async def complain(
    contact_id: ContactId,
    by: PersonId,
    about: PersonId,
    reason: str,
    uow: UnitOfWork,
    *,
    complaints_per_day: int,
) -> Decision:
    """Raise a complaint; nothing that others read says who complains.

    Raises NotConcernedError, ComplaintOpenError, ComplaintRateError or ContactNotOpenError.
    """
    situation = await with_complaints(await uow.situation(contact_id), None, uow)
    times = await uow.complaints.times_of(by, uow.now - _DAY)
    if len(times) >= complaints_per_day:
        raise errors.ComplaintRateError(times[complaints_per_day - 1] + _DAY - uow.now)
    decision = follow(reactions.complain(situation, by, about, reason))
    uow.outbox.cause = f"complaint:{decision.complaints[0].complaint_id}"
    return record(decision, uow)


@dataclass(frozen=True, slots=True)
class ComplaintCase:
    """A complaint that the caller may read; `escalation` is open or ended."""

    situation: Situation
    escalation: Escalation
    complaint: Complaint
    shows_author: bool


async def complaint_for(
    complaint_id: ComplaintId, person: PersonId, role: Role, uow: UnitOfWork
) -> ComplaintCase:
    """Lock the complaint's contact and return it; raises ComplaintNotFoundError."""
    unlocked = await uow.complaints.get(complaint_id)
    if unlocked is None:
        raise errors.ComplaintNotFoundError
    situation = await with_complaints(await uow.situation(unlocked.contact_id), None, uow)
    escalation = await uow.escalations.lock(unlocked.escalation_id)
    complaint = await uow.complaints.lock(complaint_id)
    if escalation is None or complaint is None:
        raise errors.ComplaintNotFoundError
    if not complaints.may_read(situation, complaint, person, role):
        raise errors.ComplaintNotFoundError
    shows_author = person == complaint.by or complaints.may_judge(
        situation, complaint, person, role
    )
    return ComplaintCase(situation, escalation, complaint, shows_author)


async def judge_complaint(
    complaint_id: ComplaintId, judgement: complaints.Judgement, uow: UnitOfWork
) -> Complaint:
    """Uphold or dismiss it; raises the errors of `complaint_for`, and ComplaintClosedError."""
    case = await complaint_for(complaint_id, judgement.by, judgement.role, uow)
    decision = complaints.judge(case.situation, case.escalation, case.complaint, judgement)
    return record(decision, uow).complaints[0]


async def withdraw_complaint(
    complaint_id: ComplaintId, person: PersonId, role: Role, uow: UnitOfWork
) -> Complaint:
    case = await complaint_for(complaint_id, person, role, uow)
    uow.outbox.cause = f"complaint:{complaint_id}"
    decision = complaints.withdraw(case.situation, case.escalation, case.complaint, person)
    return record(decision, uow).complaints[0]


async def put_setting(
    setting_id: str,
    body: S,
    by: str,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
) -> Versioned[S]:
    """Put a setting in force if the one in force is as `precondition` says.

    An unchanged body keeps its version. Raises StaleSettingError, InvalidSettingError or
    LimitBelowError.
    """
    configuration = await uow.settings.lock_for_update()
    current = configuration.get(type(body), setting_id)
    if not precondition.holds(current.version if current else None):
        raise StaleSettingError(current)
    errors = list(validate_setting(configuration, setting_id, body))
    if isinstance(body, PersonAbsences):
        errors += invalid_absences(configuration, setting_id, body, uow.now)
    if errors:
        raise InvalidSettingError(errors)
    require_not_below(configuration, setting_id, body)
    return await add_version(setting_id, body, current, by, uow)


async def require_manager(manager: PersonId, person: PersonId, uow: UnitOfWork) -> None:
    """Raises ForbiddenError unless the person is the manager or somebody below."""
    configuration = await uow.settings.lock_for_update()
    _require_below(configuration, manager, (person,))


async def require_manager_of_team(
    manager: PersonId, team_id: str, supervisors: Iterable[PersonId], uow: UnitOfWork
) -> None:
    """Raises ForbiddenError unless the present and the new supervisors are below the manager.

    Else a manager would have others paged, or would take their team from them.
    """
    configuration = await uow.settings.lock_for_update()
    # Who is unknown is refused with the setting.
    named = [person for person in supervisors if person in configuration.staff]
    present = configuration.supervisors_of(team_id)
    _require_below(configuration, manager, (*present, *named))


def _require_below(
    configuration: Configuration, manager: PersonId, people: Iterable[PersonId]
) -> None:
    for person in people:
        if manager not in (person, *reporting_line(configuration.staff, person)):
            raise errors.ForbiddenError(f"{person} is not below you: an admin may do it.")


async def put_terms(
    setting_id: str,
    terms: Terms,
    by: str,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
    *,
    retarget_open_contacts: bool,
) -> Versioned[Terms]:
    """Put a policy or calendar in force, either for new clocks only or for running ones too."""
    defined = await put_setting(setting_id, terms, by, uow, precondition)
    if retarget_open_contacts:
        kind = "policy" if isinstance(terms, SlaPolicy) else "calendar"
        await uow.open_work.retarget(uow.now, change_reasons.setting_changed(kind, setting_id))
    return defined


async def add_version(
    setting_id: str, body: S, current: Versioned[S] | None, by: str, uow: UnitOfWork
) -> Versioned[S]:
    """Put a setting in force under the settings' lock; an unchanged body keeps its version."""
    if current is not None and current.body == body:
        return current
    version = (await uow.settings.in_force()).next_version(body, setting_id)
    defined = Versioned(setting_id, version, body)
    await uow.settings.add(defined, uow.now, by)
    return defined


async def check_timers(contact_id: ContactId, uow: UnitOfWork) -> TimerCheckResult:
    """Check that everything the contact waits for has its timer; restore and report missing ones.

    Each timer is restored and reported once. If it is lost again, or its handler fails and it
    becomes a dead letter, restoring it would repeat for ever.
    """
    await uow.prelock((contact_id,))
    (snapshot,) = await uow.timer_snapshots.snapshots((contact_id,))
    missing = timer_check.find_missing(snapshot)
    newly_missing = [
        timer
        for timer in missing
        if not await uow.timer_snapshots.is_reported(contact_id, timer.page_id)
    ]
    record(timer_check.repair(await uow.situation(contact_id), newly_missing), uow)
    for timer in newly_missing:
        log.error(
            "timer_missing",
            contact_id=contact_id,
            slot=timer.expected.timer.slot,
            due_at=timer.expected.due_at,
            instead=timer.instead,
            page_id=timer.page_id,
        )
    return TimerCheckResult(len(missing), len(newly_missing))


async def announce_gaps(forecast: GapForecast, uow: UnitOfWork) -> bool:
    """Page operations about gaps not announced yet; return False if the forecast is outdated.

    The announcement of a gap that was filled is deleted: if the gap opens again, it is announced
    again.
    """
    schedule_id = forecast.schedule_id
    announced = await uow.announced_gaps.lock_for_update(schedule_id)
    if not forecast.still_valid(await uow.settings.in_force()):
        return False
    unannounced = forecast.unannounced(announced, uow.now)
    gaps = [upcoming.gap for upcoming in forecast.gaps]
    await uow.announced_gaps.delete_filled(schedule_id, gaps, forecast.at)
    await uow.announced_gaps.add(unannounced, uow.now)
    uow.outbox.add(upcoming.page(uow.now) for upcoming in unannounced)
    for upcoming in unannounced:
        gap = upcoming.gap
        log.warning("duty_gap", schedule_id=schedule_id, start=gap.start, end=gap.end)
    return True


async def start_simulation(
    request: SimulationRequest, by: PersonId, uow: UnitOfWork
) -> SimulationJob:
    """Queue a simulation; raises InvalidSettingError or TooManySimulationsError."""
    with_drafts(await uow.settings.in_force(), request.drafts)
    await uow.simulations.lock_queue()
    own, all_jobs = await uow.simulations.count_open(by)
    if own >= MAX_OPEN_JOBS_OF_PERSON or all_jobs >= MAX_OPEN_JOBS:
        raise TooManySimulationsError
    job = new_job(SimulationId(new_id()), request, by, uow.now)
    await uow.simulations.add(job)
    return job


async def own_simulation(
    simulation_id: SimulationId, person: PersonId, uow: UnitOfWork
) -> SimulationJob:
    """Return the job that the person asked for; raises SimulationNotFoundError."""
    job = await uow.simulations.get(simulation_id)
    if job is None or job.asked_by != person:
        raise SimulationNotFoundError
    return job
