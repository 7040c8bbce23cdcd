"""Requests to change duty: who asked may withdraw one that nobody has answered."""

import httpx

from integration.escalation.conftest import EscalationHarness, key
from integration.escalation.duty_examples import PLACE, own_shift


async def test_request_is_withdrawn_by_who_asked_until_it_is_answered(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    sams = await own_shift(duty, "sam")
    body = {"person_id": "kim", "from": sams["start"], "until": sams["end"]}

    async def ask() -> str:
        request = (await duty.post(f"{PLACE}/overrides", json=body, headers=key("sam"))).json()
        return f"{PLACE}/change-requests/{request['request_id']}"

    async def send(path: str, caller: str) -> httpx.Response:
        return await duty.post(path, headers=key(caller))

    place = await ask()
    for caller in ("kim", "mia"):
        assert (await send(f"{place}/withdraw", caller)).status_code == 404
    withdrawn = await send(f"{place}/withdraw", "sam")
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")
    listed = await duty.get(f"{PLACE}/change-requests", headers=key("sam"))
    assert listed.json()["items"] == []
    assert (await send(f"{place}/accept", "kim")).status_code == 409
    assert (await send(f"{place}/withdraw", "sam")).status_code == 409
    assert (await own_shift(duty, "sam")) == sams
    # It may be asked for again, and what was answered or has expired stays so.
    again = await ask()
    assert again != place
    assert (await send(f"{again}/refuse", "kim")).json()["state"] == "refused"
    assert (await send(f"{again}/withdraw", "sam")).status_code == 409
    last = await ask()
    await service.advance_time(48 * 3600)
    assert (await send(f"{last}/withdraw", "sam")).status_code == 409
