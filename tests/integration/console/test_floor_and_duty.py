"""What supervisors change on Floor and on Duty reaches router and escalation."""

from datetime import timedelta
from html import unescape

import httpx
import pytest

from integration.console.harness import KEYS, SAME_ORIGIN
from integration.console.screens_harness import Screens
from integration.escalation.duty_examples import ROTATION


async def press(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    return await browser.post(path, data=fields, headers=SAME_ORIGIN)


async def test_supervisor_sets_how_many_contacts_a_person_may_have(screens: Screens) -> None:
    console = screens.console
    browser = await console.enter("sara")
    before = (await console.router.get("/v1/representatives/rita", headers=KEYS("ops"))).json()
    answer = await press(browser, "/floor/rita/capacity", capacity="7")
    assert answer.headers["location"] == "/floor/rita?done=capacity"
    after = (await console.router.get("/v1/representatives/rita", headers=KEYS("ops"))).json()
    assert after["capacity"] == 7
    assert {name: after[name] for name in ("auto_accept", "offer_s")} == {
        name: before[name] for name in ("auto_accept", "offer_s")
    }


@pytest.mark.parametrize("capacity", ["-1", "many", "", "9999999", "²"])
async def test_wrong_number_of_contacts_is_refused_beside_its_field(
    screens: Screens, capacity: str
) -> None:
    browser = await screens.console.enter("sara")
    page = await press(browser, "/floor/rita/capacity", capacity=capacity)
    assert page.status_code == 422
    assert 'aria-describedby="problem-capacity"' in page.text


async def test_change_of_duty_is_listed_and_taken_back(screens: Screens) -> None:
    schedule = {"rotations": [{**ROTATION, "members": ["rita", "kim"]}]}
    answer = await screens.api.put("/v1/duty-schedules/days", json=schedule)
    assert answer.is_success, answer.text
    now = screens.console.database.clock.utc_now()
    times = [(now + timedelta(days=days)).isoformat() for days in (1, 2)]
    override = {"person_id": "mia", "from": times[0], "until": times[1]}
    answer = await screens.api.post("/v1/duty-schedules/days/overrides", json=override)
    assert answer.is_success, answer.text
    path = f"/duty/days/changes/overrides/{answer.json()['override_id']}/withdraw"
    screens.admit("mia")
    sara, mia = await screens.console.enter("sara"), await screens.console.enter("mia")
    assert path not in (await sara.get("/duty")).text, "she may not take it back"
    refused = await press(sara, path)
    assert refused.status_code == 403
    assert "This changes the duty of people who do not report to you." in refused.text
    page = await mia.get("/duty")
    assert path in page.text
    assert "Mia is on duty" in unescape(page.text)
    done = await press(mia, path)
    assert done.headers["location"] == "/duty?done=withdrawn"
    assert path not in (await mia.get("/duty")).text
    assert (await press(mia, path)).status_code == 404
