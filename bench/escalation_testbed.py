"""An escalation process with the settings that the measurements need."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import devstack
from bench.service_testbed import ServiceTestbed, open_service
from common.contracts.event import PersonId
from common.contracts.people import PersonDescribed
from common.core.clock import TimeSource

HOUR_S = 3600
SUPERVISORS = 20
OFFICE = [["09:00", "12:30"], ["13:00", "17:00"]]
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), OFFICE)
CALENDARS = {
    "berlin": ("Europe/Berlin", {"country": "DE", "region": "BE"}),
    "tokyo": ("Asia/Tokyo", {"country": "JP"}),
    "new-york": ("America/New_York", {"country": "US", "region": "NY"}),
}
REGIONS = {"APAC": "tokyo", "US": "new-york"}
LADDER = {
    "lease_s": HOUR_S,
    "working_lease_s": HOUR_S,
    "levels": [
        {
            "name": "supervisors",
            "acknowledge_within_s": HOUR_S,
            "who": [{"kind": "duty", "schedule_id": "supervisors"}],
        },
        {
            "name": "manager",
            "acknowledge_within_s": HOUR_S,
            "who": [{"kind": "person", "person_id": "mia"}],
        },
    ],
}
WARNING = [{"action": "warn_representative", "at_percent": 75}]
ASSIGNMENT = {"clock": "assignment", "target_s": 2 * HOUR_S}
# 24 hours, so that only the clocks of the measurement come due.
WITH_WARNING = [
    {"clock": "first_response", "target_s": 24 * HOUR_S, "thresholds": WARNING},
    ASSIGNMENT,
]
WITHOUT_WARNING = [{"clock": "first_response", "target_s": 24 * HOUR_S}, ASSIGNMENT]
IN_OFFICE_HOURS = [
    ASSIGNMENT,
    {"clock": "first_response", "target_s": 4 * HOUR_S, "thresholds": WARNING},
    {"clock": "resolution", "target_s": 40 * HOUR_S},
]


@asynccontextmanager
async def open_escalation_testbed(stack: devstack.Stack) -> AsyncIterator[ServiceTestbed]:
    async with open_service(stack, "escalation", {"UPSTAIRS_LOG_LEVEL": "warning"}) as testbed:
        await _put_settings(testbed, TimeSource().utc_now())
        yield testbed


async def _put_settings(testbed: ServiceTestbed, now: datetime) -> None:
    for name, (zone, holidays) in CALENDARS.items():
        body = {"zone": zone, "hours": WEEK, "holidays": [holidays]}
        await _put(testbed, f"/calendars/{name}", body)
    supervisors = [f"supervisor-{n}" for n in range(SUPERVISORS)]
    await testbed.publish(
        PersonDescribed(person_id=PersonId(person), occurred_at=now, version=1, name=person)
        for person in (*supervisors, "mia")
    )
    rotation = {
        "zone": "Europe/Berlin",
        "starts_at": now.replace(year=now.year - 1, day=1).isoformat(),
        "shift_s": 8 * HOUR_S,
        "members": supervisors,
    }
    await _put(testbed, "/duty-schedules/supervisors", {"rotations": [rotation]})
    await _put(testbed, "/ladders/default", LADDER)
    common_fields = {"ladder_id": "default", "severity": "medium"}
    by_region = {"calendar_id": "berlin", "calendar_by_region": REGIONS}
    policies: Sequence[tuple[str, object, Mapping[str, object]]] = (
        ("standard", IN_OFFICE_HOURS, by_region),
        ("premium", WITH_WARNING, {}),
        ("vip", WITHOUT_WARNING, {}),
    )
    for tier, clocks, calendars in policies:
        policy = {"match": {"tier": [tier]}, "targets": clocks, **common_fields, **calendars}
        await _put(testbed, f"/sla-policies/{tier}", policy)


async def _put(testbed: ServiceTestbed, path: str, body: object) -> None:
    await testbed.actors.call("ops", "escalation", "PUT", path, body)
