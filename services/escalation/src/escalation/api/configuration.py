"""Policies, calendars, ladders and duty schedules: put in force, and shown."""

from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends
from fastapi.openapi.models import Example
from pydantic import BaseModel

from common.access import allow
from common.contracts.event import PersonId
from common.database import Database
from common.http import Name
from common.problems import Problem
from escalation import handlers
from escalation.api.answers import EscalationDatabase, Manager, Upstairs, work
from escalation.domain.calendars import Calendar
from escalation.domain.configuration import Setting, Versioned
from escalation.domain.duty import DutySchedule, Instant, on_duty
from escalation.domain.ladders import Ladder
from escalation.domain.policies import SlaPolicy
from escalation.store import KINDS, UnitOfWork

router = APIRouter(prefix="/v1", tags=["configuration"])

S = TypeVar("S", bound=Setting)


def _example(value: dict[str, Any]) -> dict[str, Example]:
    return {"example": Example(value=value)}


Policy = Annotated[
    SlaPolicy,
    Body(
        openapi_examples=_example(
            {
                "match": {"tier": ["premium", "vip"], "topic": ["billing"]},
                "targets": [
                    {
                        "clock": "first_response",
                        "target_s": 900,
                        "thresholds": [{"action": "warn_representative", "at_percent": 80}],
                    },
                    {"clock": "resolution", "target_s": 28800},
                ],
                "calendar_id": "berlin",
                "ladder_id": "default",
                "severity": "high",
            }
        )
    ),
]
Hours = Annotated[
    Calendar,
    Body(
        openapi_examples=_example(
            {
                "zone": "Europe/Berlin",
                "hours": {
                    "mon": [["09:00", "12:30"], ["13:00", "17:00"]],
                    "sat": [["10:00", "14:00"]],
                },
                "closed": ["2026-12-25", "2026-12-26"],
            }
        )
    ),
]
Levels = Annotated[
    Ladder,
    Body(
        openapi_examples=_example(
            {
                "levels": [
                    {
                        "name": "supervisors",
                        "acknowledge_within_s": 300,
                        "who": [{"kind": "duty", "schedule_id": "supervisors"}],
                    },
                    {
                        "name": "manager",
                        "acknowledge_within_s": 600,
                        "who": [{"kind": "person", "person_id": "mia"}],
                    },
                ],
                "lease_s": 900,
                "working_lease_s": 7200,
            }
        )
    ),
]
Duty = Annotated[
    DutySchedule,
    Body(
        openapi_examples=_example(
            {
                "rotation": {
                    "zone": "Europe/Berlin",
                    "starts_at": "2026-03-02T08:00:00+01:00",
                    "shift_s": 86400,
                    "members": ["sam", "kim"],
                },
                "overrides": [
                    {
                        "person_id": "lee",
                        "from": "2026-03-05T08:00:00+01:00",
                        "until": "2026-03-06T08:00:00+01:00",
                    }
                ],
            }
        )
    ),
]


class OnDuty(BaseModel):
    at: datetime
    person_ids: tuple[PersonId, ...]


@router.put("/sla-policies/{setting_id}")
async def put_policy(
    setting_id: Name, policy: Policy, database: EscalationDatabase, caller: Manager
) -> Versioned[SlaPolicy]:
    """Promise something to the contacts that match; clocks that run already keep theirs."""
    return await _define(setting_id, policy, database, caller.subject)


@router.put("/calendars/{setting_id}")
async def put_calendar(
    setting_id: Name, calendar: Hours, database: EscalationDatabase, caller: Manager
) -> Versioned[Calendar]:
    return await _define(setting_id, calendar, database, caller.subject)


@router.put("/ladders/{setting_id}")
async def put_ladder(
    setting_id: Name, ladder: Levels, database: EscalationDatabase, caller: Manager
) -> Versioned[Ladder]:
    """Say who is asked next; escalations that are open keep the ladder they were raised on."""
    return await _define(setting_id, ladder, database, caller.subject)


@router.put("/duty-schedules/{setting_id}")
async def put_duty_schedule(
    setting_id: Name, schedule: Duty, database: EscalationDatabase, caller: Manager
) -> Versioned[DutySchedule]:
    return await _define(setting_id, schedule, database, caller.subject)


@router.get("/duty-schedules/{setting_id}/on-duty")
async def show_on_duty(
    setting_id: Name, database: EscalationDatabase, _caller: Upstairs, at: Instant | None = None
) -> OnDuty:
    """Show who is on duty, now or at an instant past or future."""
    async with work(database) as uow:
        schedule = await _found(DutySchedule, setting_id, uow)
        at = at or uow.now
    return OnDuty(at=at, person_ids=on_duty(schedule.body, at))


async def _define(
    setting_id: str, body: S, database: Database[UnitOfWork], by: str
) -> Versioned[S]:
    async with work(database) as uow:
        return await handlers.define(setting_id, body, by, uow)


async def _found(kind: type[S], setting_id: str, uow: UnitOfWork) -> Versioned[S]:
    setting = (await uow.configurations.in_force()).find(kind, setting_id)
    if setting is None:
        raise Problem(404, "setting-unknown", f"No {setting_id} is among the {KINDS[kind]}.")
    return setting


def _show(kind: type[S]) -> None:
    """Add the routes that show the settings of one kind, as they are in force."""
    access = [Depends(allow("representative", "supervisor", "manager"))]

    async def show(setting_id: Name, database: EscalationDatabase) -> Any:
        async with work(database) as uow:
            return await _found(kind, setting_id, uow)

    async def show_all(database: EscalationDatabase) -> Any:
        async with work(database) as uow:
            return (await uow.configurations.in_force()).all_of(kind)

    name = KINDS[kind]
    router.add_api_route(
        f"/{name}",
        show_all,
        name=f"show {name}",
        response_model=list[Versioned[kind]],  # type: ignore[valid-type]  # known at run time
        dependencies=access,
    )
    router.add_api_route(
        f"/{name}/{{setting_id}}",
        show,
        name=f"show one of {name}",
        response_model=Versioned[kind],  # type: ignore[valid-type]  # known at run time
        dependencies=access,
    )


for _kind in KINDS:
    _show(_kind)
