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


@pytest.mark.parametrize("capacity", ["-1", "many", "", "9999999", "²", "9" * 5000])
async def test_wrong_number_of_contacts_is_refused_beside_its_field(
    screens: Screens, capacity: str
) -> None:
    browser = await screens.console.enter("sara")
    page = await press(browser, "/floor/rita/capacity", capacity=capacity)
    assert page.status_code == 422
    assert 'aria-describedby="problem-capacity"' in page.text


async def test_supervisor_adjusts_the_contacts_of_a_person_and_ends_it_by_one_press(
    screens: Screens,
) -> None:
    console = screens.console
    browser = await console.enter("sara")
    now = console.database.clock.utc_now()
    address = "/floor/rita/adjustment"
    form = {
        "capacity": "1",
        "skills": "billing",
        "languages": "en",
        "more_skills": "Returns",
        "ends_at": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M}",
        "reason": "First day <back>",
    }
    answer = await press(browser, address, **form)
    assert answer.headers["location"] == "/floor/rita?done=adjusted"
    shown = (await console.router.get("/v1/representatives/rita", headers=KEYS("ops"))).json()
    assert (shown["capacity"], shown["skills"]) == (1, ["billing", "returns"])
    assert shown["adjustment"]["set_by"] == "sara"
    for path in ("/floor", "/floor/rita", "/wall"):
        page = await browser.get(path)
        assert ("at most 1 contact; also returns" in page.text) == (path != "/wall")
        assert "<back>" not in page.text

    late = await press(browser, address, **form)
    assert late.status_code == 412
    assert "changed the adjustment since you read it" in late.text
    end = {"etag": '"1"', "back": "floor", "team": "care"}
    ended = await press(browser, f"{address}/end", **end)
    assert ended.headers["location"] == "/floor?team=care&done=usual"
    assert "at most 1 contact" not in (await browser.get("/floor")).text
    again = await press(browser, f"{address}/end", **end)
    assert again.status_code == 412
    assert "There is no adjustment now." in again.text


async def test_usual_number_of_contacts_is_shown_beside_an_adjusted_one(screens: Screens) -> None:
    console = screens.console
    browser = await console.enter("mia")
    ends_at = (console.database.clock.utc_now() + timedelta(hours=1)).isoformat()
    for path, body in (
        ("", {"capacity": 5}),
        ("/adjustment", {"capacity": 2, "reason": "?", "ends_at": ends_at}),
    ):
        put = await console.router.put(
            f"/v1/representatives/rita{path}", json=body, headers=KEYS("ops")
        )
        assert put.is_success, put.text
    page = (await browser.get("/floor/rita")).text
    assert "0 of 2 contacts" in page
    assert 'maxlength="3" required value="5"' in page
    assert (
        "Has 5 contacts at the same time at most."
        in (await browser.get("/settings/workloads/rita")).text
    )


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
