"""What the simulated centre has beside the sample settings: promises, a ladder, duty."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from common.core.clock import TimeSource
from common.http.examples import DIRECTOR, MANAGER, REPRESENTATIVE, SUPERVISOR, contact_method
from stage.actors import Actors
from stage.centre.matters import TOPICS
from stage.centre.pace import Pace
from stage.centre.staff import (
    ASKED_FIRST,
    LEADERS,
    REPRESENTATIVES,
    RITA,
    SECOND_MANAGER,
    SECOND_SUPERVISOR,
    THIRD_SUPERVISOR,
)

FLOOR: Final = "floor"
SECOND_FLOOR: Final = "floor-second"
FLOOR_MANAGERS: Final = "floor-managers"
LADDER: Final = "floor"
_ZONE: Final = "Europe/Madrid"
_SHIFT: Final = timedelta(hours=8)
_MANAGERS_SHIFT: Final = timedelta(days=1)
# Few, so that those that nobody answers are few too.
_RITAS_CAPACITY: Final = 2
_CAPACITY: Final = 4


async def put_centre_settings(actors: Actors, pace: Pace) -> None:
    """Put people, duty, ladder and policies; everything else stays as the samples have it."""
    for person, fields in {**LEADERS, **REPRESENTATIVES, REPRESENTATIVE: RITA}.items():
        await _put_person(actors, person, fields)
    for person in (*REPRESENTATIVES, REPRESENTATIVE):
        await _put_workload(actors, person, pace)
    now = TimeSource().utc_now().replace(minute=0, second=0, microsecond=0)
    for schedule, body in _duty(now).items():
        await actors.call("ops", "escalation", "PUT", f"/duty-schedules/{schedule}", body)
    await actors.call("ops", "escalation", "PUT", f"/ladders/{LADDER}", _ladder(pace))
    for policy, terms in _policies(pace).items():
        await actors.call("ops", "escalation", "PUT", f"/sla-policies/{policy}", terms)
    await _leave_gap(actors, now)
    await _ask_for_swap(actors, now)


async def _put_person(actors: Actors, person: str, fields: Mapping[str, Any]) -> None:
    methods = [contact_method(person, "slack"), contact_method(person, "email")]
    entry = {**fields, "contact_methods": methods}
    await actors.call("ops", "router", "PUT", f"/people/{person}", entry)


async def _put_workload(actors: Actors, person: str, pace: Pace) -> None:
    place = f"/representatives/{person}"
    workload = {
        "capacity": _RITAS_CAPACITY if person == REPRESENTATIVE else _CAPACITY,
        "auto_accept": person not in ASKED_FIRST,
        "offer_s": max(1, round(pace.seconds(25))),
    }
    await actors.call("ops", "router", "PUT", place, workload)
    await actors.call("ops", "router", "PUT", f"{place}/presence", {"presence": "available"})


def _duty(now: datetime) -> dict[str, Any]:
    """Let two supervisors and a manager be on duty at a time."""
    first = (SUPERVISOR, SECOND_SUPERVISOR, THIRD_SUPERVISOR)
    second = (SECOND_SUPERVISOR, THIRD_SUPERVISOR, SUPERVISOR)
    managers = (MANAGER, SECOND_MANAGER)
    return {
        FLOOR: {"rotations": [_rotation(now, _SHIFT, first)]},
        SECOND_FLOOR: {"rotations": [_rotation(now, _SHIFT, second)]},
        FLOOR_MANAGERS: {"rotations": [_rotation(now, _MANAGERS_SHIFT, managers)]},
    }


def _rotation(now: datetime, shift: timedelta, members: tuple[str, ...]) -> dict[str, Any]:
    return {
        "zone": _ZONE,
        "starts_at": now.isoformat(),
        "shift_s": shift.total_seconds(),
        "members": members,
    }


def _ladder(pace: Pace) -> dict[str, Any]:
    return {
        "lease_s": pace.seconds(240),
        "working_lease_s": pace.seconds(600),
        "warn_before_s": pace.seconds(60),
        "levels": [
            {
                "name": "supervisor",
                "acknowledge_within_s": pace.seconds(60),
                "who": [
                    {"kind": "duty", "schedule_id": FLOOR},
                    {"kind": "duty", "schedule_id": SECOND_FLOOR},
                ],
            },
            {
                "name": "manager",
                "acknowledge_within_s": pace.seconds(90),
                "who": [
                    {"kind": "duty", "schedule_id": FLOOR_MANAGERS},
                    {"kind": "person", "person_id": SECOND_MANAGER},
                ],
            },
            {
                "name": "director",
                "acknowledge_within_s": pace.seconds(120),
                "who": [{"kind": "person", "person_id": DIRECTOR}],
            },
        ],
    }


def _policies(pace: Pace) -> dict[str, Any]:
    return {
        "centre": _policy(pace, "medium", first_response_s=90, resolution_s=480),
        "centre-vip": _policy(pace, "high", first_response_s=60, resolution_s=300, tier=["vip"]),
    }


def _policy(
    pace: Pace, severity: str, *, first_response_s: float, resolution_s: float, **match: list[str]
) -> dict[str, Any]:
    warning = {"action": "warn_representative", "at_percent": 75}
    return {
        "match": {"topic": [*TOPICS], **match},
        "ladder_id": LADDER,
        "severity": severity,
        "targets": [
            {"clock": "assignment", "target_s": pace.seconds(90)},
            {
                "clock": "first_response",
                "target_s": pace.seconds(first_response_s),
                "thresholds": [warning],
            },
            {"clock": "next_response", "target_s": pace.seconds(150), "thresholds": [warning]},
            {"clock": "resolution", "target_s": pace.seconds(resolution_s)},
        ],
        "raise_when": {"feedback_at_most": 2},
    }


async def _leave_gap(actors: Actors, now: datetime) -> None:
    """Let the second manager be absent for some hours of her turn in three days."""
    start = now + 3 * _MANAGERS_SHIFT + timedelta(hours=2)
    absence = {"from": start.isoformat(), "until": (start + timedelta(hours=4)).isoformat()}
    path = f"/absences/{SECOND_MANAGER}"
    await actors.call("ops", "escalation", "PUT", path, {"absences": [absence]})


async def _ask_for_swap(actors: Actors, now: datetime) -> None:
    """Let Nadia ask Sara for one, which Sara may answer."""
    swap = {
        "first": SECOND_SUPERVISOR,
        "second": SUPERVISOR,
        "from": (now + timedelta(days=3)).isoformat(),
        "until": (now + timedelta(days=4)).isoformat(),
    }
    path = f"/duty-schedules/{FLOOR}/swaps"
    await actors.call(SECOND_SUPERVISOR, "escalation", "POST", path, swap)
