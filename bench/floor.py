"""The people and the rules of the bench: a floor that never fills, promises that mostly hold."""

from bench.traffic import CREWS, TYPES, crew
from stage.cast import Cast

REPRESENTATIVES = 100
PLACES = 1000
HOUR_S = 3600
PATIENT_TARGETS = [
    {"clock": "assignment", "target_s": HOUR_S},
    {
        "clock": "first_response",
        "target_s": HOUR_S,
        "thresholds": [{"action": "warn_representative", "at_percent": 75}],
    },
    {"clock": "resolution", "target_s": 24 * HOUR_S},
]


async def fill(cast: Cast, *, brisk_s: float) -> None:
    """Put all in place. Contacts of tier vip are promised a first response within `brisk_s`."""
    for number in range(REPRESENTATIVES):
        await _representative(cast, number)
    for number in range(CREWS):
        await _supervisor(cast, number)
        await _promises(cast, number, brisk_s)


async def _representative(cast: Cast, number: int) -> None:
    """Everybody knows the most usual type of contact and one other."""
    first, *others = TYPES
    who = f"rep-{number}"
    body = {
        "name": f"Representative {number}",
        "team_id": crew(number % CREWS),
        "skills": [first, others[number % len(others)]],
        "languages": ["en"],
        "capacity": PLACES,
    }
    await cast.call("ops", "router", "PUT", f"/representatives/{who}", body)
    presence = {"presence": "available"}
    await cast.call("ops", "router", "PUT", f"/representatives/{who}/presence", presence)


async def _supervisor(cast: Cast, number: int) -> None:
    who = f"supervisor-{number}"
    media = [
        {"medium": "slack", "channel": f"D{number}", "user_id": f"U{number}"},
        {"medium": "email", "address": f"{who}@example.com"},
    ]
    recipient = {"name": f"Supervisor {number}", "media": media}
    await cast.call("ops", "notifier", "PUT", f"/recipients/{who}", recipient)
    level = {
        "name": "supervisor",
        "acknowledge_within_s": HOUR_S,
        "who": [{"kind": "person", "person_id": who}],
    }
    ladder = {"lease_s": HOUR_S, "working_lease_s": HOUR_S, "levels": [level]}
    await cast.call("ops", "escalation", "PUT", f"/ladders/{crew(number)}", ladder)


async def _promises(cast: Cast, number: int, brisk_s: float) -> None:
    rules = {"ladder_id": crew(number), "severity": "medium"}
    patient = {"match": {"region": [crew(number)]}, "targets": PATIENT_TARGETS, **rules}
    await cast.call("ops", "escalation", "PUT", f"/sla-policies/{crew(number)}", patient)
    brisk = {
        "match": {"region": [crew(number)], "tier": ["vip"]},
        "targets": [{"clock": "first_response", "target_s": brisk_s}],
        **rules,
    }
    await cast.call("ops", "escalation", "PUT", f"/sla-policies/brisk-{crew(number)}", brisk)
