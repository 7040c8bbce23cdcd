"""Duty while people are away and others stand in, with the services' own tables."""

from datetime import datetime, timedelta

import httpx

from integration.escalation.conftest import EscalationHarness, key
from integration.escalation.duty_examples import PLACE, own_shift
from support.people import described

HOUR = timedelta(hours=1)


async def test_stand_in_fills_the_gap_of_an_absence_and_is_followed(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    sams = await own_shift(duty, "sam")
    start, end = (datetime.fromisoformat(sams[edge]) for edge in ("start", "end"))
    times = [start, start + 6 * HOUR, start + 9 * HOUR, start + 12 * HOUR, end]
    begins, leaves, ill, returns, ends = (f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in times)
    for person, since, stand_in in (("sam", leaves, "lee"), ("lee", ill, "mia")):
        away = {"from": since, "until": returns, "stand_in": stand_in}
        put = await duty.put(
            f"/v1/absences/{person}", json={"absences": [away]}, headers=key("ops")
        )
        assert put.status_code == 200, put.text
    window = {"from": begins, "until": ends}

    async def shown() -> list[tuple[str, ...]]:
        answer = await duty.get(f"{PLACE}/shifts", params=window)
        return [tuple(shift.values()) for shift in answer.json()["items"]]

    expected = [
        ("sam", begins, leaves),
        ("lee", leaves, ill),
        ("mia", ill, returns),
        ("sam", returns, ends),
    ]
    assert await shown() == expected
    assert (await duty.get(f"{PLACE}/gaps", params=window)).json()["items"] == []
    # The past stays: mia leaves, and lee's absence is taken back.
    await service.advance_time((end - await service.now()).total_seconds() + 60)
    await service.handle_events(described("mia", active=False))
    back = await duty.put("/v1/absences/lee", json={"absences": []}, headers=key("ops"))
    assert back.status_code == 200, back.text
    assert await shown() == expected
