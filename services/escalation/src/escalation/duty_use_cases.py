"""How duty changes: versions of schedules, overrides, swaps, and the consent of others."""

from dataclasses import replace
from typing import TypeVar

from common.contracts.event import PersonId
from common.core.ids import new_id
from common.core.preconditions import NO_PRECONDITION, Precondition
from escalation.domain import errors
from escalation.domain.change_requests import (
    MAX_REQUESTS,
    ChangeRequest,
    ChangeRequestId,
    DutyPlanner,
    expiry,
)
from escalation.domain.duty.changes import (
    add_change,
    change_id,
    changed_intervals,
    consent_needed,
    remove_change,
    require_future,
)
from escalation.domain.duty.rosters import Roster
from escalation.domain.duty.schedules import DutySchedule
from escalation.domain.duty.versions import date_version
from escalation.domain.duty.windows import Override, Swap
from escalation.domain.settings.registry import Configuration, Versioned
from escalation.store.unit_of_work import UnitOfWork
from escalation.use_cases import add_version, put_setting

C = TypeVar("C", Override, Swap)


async def put_schedule(
    schedule_id: str,
    schedule: DutySchedule,
    by: str,
    uow: UnitOfWork,
    precondition: Precondition = NO_PRECONDITION,
) -> Versioned[DutySchedule]:
    """Put a version of a schedule that counts from its `from` on, or from the next hand-over.

    Raises StaleSettingError or InvalidSettingError.
    """
    configuration = await uow.settings.lock_for_update()
    dated = date_version(configuration.rosters.get(schedule_id), schedule, uow.now)
    return await put_setting(schedule_id, dated, by, uow, precondition)


async def change_duty(
    schedule_id: str, change: C, planner: DutyPlanner, uow: UnitOfWork
) -> C | ChangeRequest:
    """Change who is on duty, under the settings' lock; ask the other person where that is needed.

    Raises UnknownPersonError, NotOwnShiftError or InvalidChangeError.
    """
    configuration = await uow.settings.lock_for_update()
    _require_people(configuration, change)
    before = configuration.rosters[schedule_id]
    if change not in before.changes.all:
        require_future(change, uow.now)
    after = add_change(before, change, uow.now, configuration.absences)
    changed = changed_intervals(before, after, change, configuration.absences)
    person_id = planner.consent_needed(changed, configuration.staff)
    if person_id is not None:
        return await _ask(schedule_id, change, planner.person, person_id, uow, removes=False)
    await _save(configuration, schedule_id, after, planner.person, uow)
    return change


async def take_back(
    schedule_id: str,
    removed_id: str,
    kind: type[Override | Swap],
    planner: DutyPlanner,
    uow: UnitOfWork,
) -> ChangeRequest | None:
    """Take back an override or a swap from now on; ask the other person where that is needed.

    Raises ChangeNotFoundError, NotOwnShiftError or InvalidChangeError.
    """
    configuration = await uow.settings.lock_for_update()
    before = configuration.rosters[schedule_id]
    change = _find(schedule_id, before, removed_id, kind)
    after = remove_change(before, change, uow.now)
    changed = changed_intervals(before, after, change, configuration.absences)
    if not changed:
        planner.require_named(change, configuration.staff)
    person_id = planner.consent_needed(changed, configuration.staff)
    if person_id is not None:
        return await _ask(schedule_id, change, planner.person, person_id, uow, removes=True)
    await _save(configuration, schedule_id, after, planner.person, uow)
    return None


def _find(
    schedule_id: str, roster: Roster, wanted: str, kind: type[Override | Swap]
) -> Override | Swap:
    for change in roster.changes.all:
        if isinstance(change, kind) and change_id(schedule_id, change) == wanted:
            return change
    raise errors.ChangeNotFoundError


async def _ask(
    schedule_id: str,
    change: Override | Swap,
    asked_by: PersonId,
    person_id: PersonId,
    uow: UnitOfWork,
    *,
    removes: bool,
) -> ChangeRequest:
    for earlier in await uow.change_requests.open_ones(schedule_id, uow.now):
        if (earlier.change, earlier.asked_by, earlier.removes) == (change, asked_by, removes):
            return earlier
    if await uow.change_requests.count_open(asked_by, uow.now) >= MAX_REQUESTS:
        raise errors.InvalidChangeError(
            f"You have asked for {MAX_REQUESTS} changes already.",
            "requests-too-many",
            number=MAX_REQUESTS,
        )
    request = ChangeRequest(
        request_id=ChangeRequestId(new_id()),
        schedule_id=schedule_id,
        change=change,
        asked_by=asked_by,
        person_id=person_id,
        asked_at=uow.now,
        expires_at=expiry(change, uow.now),
        removes=removes,
    )
    await uow.change_requests.save(request)
    return request


async def _save(
    configuration: Configuration, schedule_id: str, roster: Roster, by: PersonId, uow: UnitOfWork
) -> None:
    current = configuration.duty_changes.get(schedule_id)
    await add_version(schedule_id, roster.changes, current, by, uow)


def _require_people(configuration: Configuration, change: Override | Swap) -> None:
    """Nobody who is unknown or has left gets a shift."""
    fields = ("first", "second") if isinstance(change, Swap) else ("person_id",)
    for name in fields:
        person: PersonId = getattr(change, name)
        configuration.require_person(name, person)


async def answer_change_request(
    schedule_id: str,
    request_id: ChangeRequestId,
    person: PersonId,
    uow: UnitOfWork,
    *,
    agrees: bool,
) -> ChangeRequest:
    """Agree to a change of one's shifts, which applies then, or refuse it.

    Raises ChangeRequestNotFoundError, ChangeRequestClosedError, or what `change_duty` raises if
    the schedule has changed so that the request no longer fits.
    """
    configuration = await uow.settings.lock_for_update()
    request = await _lock_request(schedule_id, request_id, uow)
    if request.person_id != person:
        raise errors.ChangeRequestNotFoundError
    _require_unanswered(request, uow)
    if agrees:
        after = _as_requested(configuration, request, uow)
        await _save(configuration, schedule_id, after, person, uow)
    answered = replace(request, answer="accepted" if agrees else "refused", answered_at=uow.now)
    await uow.change_requests.save(answered)
    return answered


async def withdraw_change_request(
    schedule_id: str, request_id: ChangeRequestId, person: PersonId, uow: UnitOfWork
) -> ChangeRequest:
    """Take back a request that nobody has answered; only who asked may.

    Raises ChangeRequestNotFoundError or ChangeRequestClosedError.
    """
    request = await _lock_request(schedule_id, request_id, uow)
    if request.asked_by != person:
        raise errors.ChangeRequestNotFoundError
    _require_unanswered(request, uow)
    withdrawn = replace(request, answer="withdrawn", answered_at=uow.now)
    await uow.change_requests.save(withdrawn)
    return withdrawn


async def _lock_request(
    schedule_id: str, request_id: ChangeRequestId, uow: UnitOfWork
) -> ChangeRequest:
    request = await uow.change_requests.lock(request_id)
    if request is None or request.schedule_id != schedule_id:
        raise errors.ChangeRequestNotFoundError
    return request


def _require_unanswered(request: ChangeRequest, uow: UnitOfWork) -> None:
    if request.state_at(uow.now) != "asked":
        raise errors.ChangeRequestClosedError


def _as_requested(configuration: Configuration, request: ChangeRequest, uow: UnitOfWork) -> Roster:
    before = configuration.rosters[request.schedule_id]
    change = request.change
    if request.removes:
        if change not in before.changes.all:
            raise errors.InvalidChangeError("It was taken back already.", "change-taken-back")
        after = remove_change(before, change, uow.now)
    else:
        _require_people(configuration, change)
        after = add_change(before, change, uow.now, configuration.absences)
    changed = changed_intervals(before, after, change, configuration.absences)
    if consent_needed(changed, request.asked_by) != request.person_id:
        raise errors.InvalidChangeError("The shifts have changed since.", "shifts-changed")
    return after
