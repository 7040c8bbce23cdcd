"""People and settings of the bench: free capacity for everything, deadlines that mostly hold."""

from bench.traffic import TEAMS, TYPES, team
from stage.actors import Actors

REPRESENTATIVES = 100
CAPACITY = 1000
HOUR_S = 3600
LONG_TARGETS = [
    {"clock": "assignment", "target_s": HOUR_S},
    {
        "clock": "first_response",
        "target_s": HOUR_S,
        "thresholds": [{"action": "warn_representative", "at_percent": 75}],
    },
    {"clock": "resolution", "target_s": 24 * HOUR_S},
]


async def put_staff(actors: Actors, *, short_target_s: float) -> None:
    """Put people and settings; tier vip has a first-response target of `short_target_s`."""
    for number in range(REPRESENTATIVES):
        await _put_representative(actors, number)
    for number in range(TEAMS):
        await _put_supervisor(actors, number)
        await _put_policies(actors, number, short_target_s)


async def _put_representative(actors: Actors, number: int) -> None:
    """Every representative knows the most frequent type of contact and one other."""
    first, *others = TYPES
    who = f"rep-{number}"
    body = {
        "name": f"Representative {number}",
        "roles": ["representative"],
        "team_id": team(number % TEAMS),
        "skills": [first, others[number % len(others)]],
        "languages": ["en"],
    }
    await actors.call("ops", "router", "PUT", f"/people/{who}", body)
    workload = {"capacity": CAPACITY}
    await actors.call("ops", "router", "PUT", f"/representatives/{who}", workload)
    presence = {"presence": "available"}
    await actors.call("ops", "router", "PUT", f"/representatives/{who}/presence", presence)


async def _put_supervisor(actors: Actors, number: int) -> None:
    who = f"supervisor-{number}"
    media = [
        {"medium": "slack", "channel": f"D{number}", "user_id": f"U{number}"},
        {"medium": "email", "address": f"{who}@example.com"},
    ]
    body = {"name": f"Supervisor {number}", "roles": ["supervisor"], "contact_methods": media}
    await actors.call("ops", "router", "PUT", f"/people/{who}", body)
    level = {
        "name": "supervisor",
        "acknowledge_within_s": HOUR_S,
        "who": [{"kind": "person", "person_id": who}],
    }
    ladder = {"lease_s": HOUR_S, "working_lease_s": HOUR_S, "levels": [level]}
    await actors.call("ops", "escalation", "PUT", f"/ladders/{team(number)}", ladder)


async def _put_policies(actors: Actors, number: int, short_target_s: float) -> None:
    common_fields = {"ladder_id": team(number), "severity": "medium"}
    long_targets = {"match": {"region": [team(number)]}, "targets": LONG_TARGETS, **common_fields}
    await actors.call("ops", "escalation", "PUT", f"/sla-policies/{team(number)}", long_targets)
    short_target = {
        "match": {"region": [team(number)], "tier": ["vip"]},
        "targets": [{"clock": "first_response", "target_s": short_target_s}],
        **common_fields,
    }
    await actors.call(
        "ops", "escalation", "PUT", f"/sla-policies/short-{team(number)}", short_target
    )
