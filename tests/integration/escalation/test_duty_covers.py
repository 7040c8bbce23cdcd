"""Covers of duty: who takes back one that has no effect now."""

import httpx

from integration.escalation.conftest import key
from integration.escalation.duty_examples import PLACE, own_shift


async def test_cover_without_effect_is_taken_back_by_whom_it_names_not_by_strangers(
    duty: httpx.AsyncClient,
) -> None:
    sams = await own_shift(duty, "sam")
    window = {"from": sams["start"], "until": sams["end"]}
    lees = await duty.post(f"{PLACE}/overrides", json={"person_id": "lee", **window})
    # Of several at once the last one counts.
    kims = await duty.post(f"{PLACE}/overrides", json={"person_id": "kim", **window})
    assert (lees.status_code, kims.status_code) == (200, 200)
    place = f"{PLACE}/overrides/{lees.json()['override_id']}"
    refused = await duty.delete(place, headers=key("sam"))
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "This takes the role manager, since it is for lee.",
    )
    listed = (await duty.get(f"{PLACE}/overrides")).json()["items"]
    assert listed == [lees.json(), kims.json()]
    assert (await duty.delete(place)).status_code == 204
    at = await duty.get(f"{PLACE}/on-duty", params={"at": sams["start"]})
    assert at.json()["person_ids"] == ["kim"]
