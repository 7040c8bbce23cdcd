"""Trying a change of a policy on the past, as a browser without scripts gets it."""

import asyncio
import re
from datetime import timedelta
from html import unescape

import httpx
import pytest

from escalation.workers.simulations import SimulationWorker
from integration.console.harness import SAME_ORIGIN
from integration.console.screens_harness import Screens
from integration.console.settings_harness import SHORTER_TIMES, put_by_ops
from integration.escalation.conftest import POLICY

TRY = "/settings/policies/gold/try"


@pytest.fixture
async def mia(screens: Screens) -> httpx.AsyncClient:
    screens.admit("mia")
    return await screens.console.enter("mia")


async def submission(mia: httpx.AsyncClient, query: str = "") -> dict[str, str]:
    page = await mia.get(f"{TRY}{query}")
    assert page.status_code == 200, page.text
    _, _, rest = page.text.partition('name="submission" value="')
    return {"submission": unescape(rest.partition('"')[0])}


async def send(mia: httpx.AsyncClient, path: str = TRY, **fields: str) -> httpx.Response:
    return await mia.post(path, data=fields, headers=SAME_ORIGIN)


async def test_manager_tries_a_shorter_time_and_reads_the_result(
    screens: Screens, mia: httpx.AsyncClient
) -> None:
    await screens.escalate()
    screens.service.database.clock.offset += timedelta(seconds=60)
    sent = await send(mia, **SHORTER_TIMES, **await submission(mia))
    assert sent.status_code == 303, sent.text
    place = sent.headers["location"]
    waiting = (await mia.get(place)).text
    assert "First reply: 6 s instead of 1 min 40 s" in waiting
    assert "It waits until the one before has ended." in waiting
    assert await SimulationWorker(screens.service.database).run_next(asyncio.Event())
    page = (await mia.get(place)).text
    assert "1 instead of 0 promises would have been broken" in page
    assert "Broken: First reply" in page
    assert "Try it on the past…" in (await mia.get("/settings/policies/gold")).text
    (taken_over,) = re.findall(r'href="([^"]*/edit\?simulation=[^"]*)"', page)
    form = (await mia.get(unescape(taken_over))).text
    assert 'value="6 s"' in form
    assert 'value="1 min 40 s"' not in form
    assert 'value="6 s"' in (await mia.get(f"{TRY}?from={place.rpartition('/')[2]}")).text


async def test_form_that_is_sent_twice_makes_one_simulation(
    screens: Screens, mia: httpx.AsyncClient
) -> None:
    fields = {**SHORTER_TIMES, **await submission(mia)}
    first, second = await send(mia, **fields), await send(mia, **fields)
    assert first.headers["location"] == second.headers["location"]
    assert len(await screens.service.rows("SELECT simulation_id FROM simulations")) == 1


async def test_wrong_values_stand_beside_their_fields(mia: httpx.AsyncClient) -> None:
    page = await send(mia, **{**SHORTER_TIMES, "target-resolution": "<b>", "ladder_id": "none"})
    assert page.status_code == 422
    assert "Please write a time with its unit" in page.text
    assert "&lt;b&gt;" in page.text
    page = await send(mia, **{**SHORTER_TIMES, "ladder_id": "none"})
    assert (page.status_code, "none does not exist." in page.text) == (422, True)


async def test_cancelled_simulation_says_so(mia: httpx.AsyncClient) -> None:
    place = (await send(mia, **SHORTER_TIMES)).headers["location"]
    assert (await send(mia, f"{place}/cancel")).headers["location"] == place
    assert "It was cancelled." in (await mia.get(place)).text


async def test_fourth_simulation_is_refused_in_words(mia: httpx.AsyncClient) -> None:
    for _ in range(3):
        assert (await send(mia, **SHORTER_TIMES)).status_code == 303
    page = await send(mia, **SHORTER_TIMES)
    assert (page.status_code, "Too many simulations wait" in page.text) == (429, True)


async def test_supervisor_and_unknown_policy_get_a_readable_page(
    screens: Screens, mia: httpx.AsyncClient
) -> None:
    sara = await screens.console.enter("sara")
    assert (await sara.get(TRY)).status_code == 403
    assert (await mia.get("/settings/policies/none/try")).status_code == 404
    unknown = f"{TRY}/019cae07-79c0-7a40-9c52-4f6b7e0d9a01"
    assert (await mia.get(unknown)).status_code == 404


async def test_simulation_of_another_setting_is_not_shown_as_this_policy(
    screens: Screens, mia: httpx.AsyncClient
) -> None:
    await put_by_ops(screens, "sla-policies/silver", {**POLICY, "match": {"channel": ["chat"]}})
    place = (await send(mia, **SHORTER_TIMES)).headers["location"]
    simulation_id = place.rpartition("/")[2]
    for path in (f"/{simulation_id}", f"?from={simulation_id}"):
        assert (await mia.get(f"/settings/policies/silver/try{path}")).status_code == 404
