"""My absences, with the real escalation behind the page."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from escalation.domain.settings.people import PersonAbsences
from escalation.domain.settings.registry import Versioned
from integration.console.harness import PEOPLE, SAME_ORIGIN, open_console
from integration.console.screens_harness import Screens, open_screens
from support.databases import Postgres
from support.people import described

URL = "/notifications/absences"


@pytest.fixture
async def screens(postgres: Postgres, database_name: str) -> AsyncIterator[Screens]:
    """Sam is a supervisor of another team."""
    people = {**PEOPLE, "sam": "supervisor"}
    async with (
        open_console(postgres, database_name, console_dev_people=people) as console,
        open_screens(console, postgres, database_name) as screens,
    ):
        await console.put_person("sam", roles=["supervisor"], team_id="back")
        await screens.service.handle_events(described("sam", team_id="back", roles=["supervisor"]))
        screens.admit("sam")
        console.tokens_of_router.admit(people)
        yield screens


def etag_of(page: str) -> str:
    return unescape(re.findall(r'name="etag" value="([^"]*)"', page)[-1])


async def absences_of(screens: Screens, person: str = "sara") -> list[dict[str, Any]]:
    answer = await screens.api.get(f"/v1/absences/{person}")
    assert answer.is_success, answer.text
    absences: list[dict[str, Any]] = answer.json()["body"]["absences"]
    return absences


def written(screens: Screens, stand_in: str, days: float = 2) -> dict[str, str]:
    now = screens.console.database.clock.utc_now()
    return {
        "from": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "until": f"{now + timedelta(days=days):%Y-%m-%dT%H:%M}",
        "stand_in": stand_in,
    }


async def send(browser: httpx.AsyncClient, form: dict[str, str], place: str = "") -> httpx.Response:
    page = (await browser.get(URL)).text
    data = {"etag": etag_of(page), **form}
    return await browser.post(f"{URL}{place}", data=data, headers=SAME_ORIGIN)


async def test_stand_in_is_asked_and_may_act_while_the_person_is_away(screens: Screens) -> None:
    browser = await screens.console.enter("sara")
    saved = await send(browser, written(screens, "sam"))
    assert (saved.status_code, saved.headers["location"]) == (303, f"{URL}?done=added")
    shown = (await browser.get(f"{URL}?done=added")).text
    assert "Your absence is entered." in shown
    assert "Sam stands in" in shown
    assert [each["stand_in"] for each in await absences_of(screens)] == ["sam"]
    escalation_id = await screens.escalate()
    assert (await screens.show(escalation_id))["awaited"] == ["sam"]
    stand_in = await screens.console.enter("sam")
    assert "For Sara from" in (await stand_in.get(URL)).text
    page = (await stand_in.get(f"/e/{escalation_id}")).text
    assert "Acknowledge" in page
    answer = await stand_in.post(f"/e/{escalation_id}/acknowledge", headers=SAME_ORIGIN)
    assert answer.status_code in (200, 303), answer.text
    assert (await screens.show(escalation_id))["holder"] == "sam"
    # Back again.
    removed = await send(browser, {"number": "0"}, "/remove")
    assert removed.headers["location"] == f"{URL}?done=removed"
    assert await absences_of(screens) == []


async def test_person_adds_one_more_where_hundreds_are_away(screens: Screens) -> None:
    browser = await screens.console.enter("sara")
    assert (await send(browser, written(screens, "sam"))).status_code == 303
    nobody_away = PersonAbsences(())
    async with screens.service.database.transaction() as uow:
        for number in range(501):
            others = Versioned(f"person-{number:03}", 1, nobody_away)
            await uow.settings.add(others, uow.now, "mia")
    page = (await browser.get(URL)).text
    assert "Sam stands in" in page
    added = await send(browser, written(screens, "mia", days=4))
    assert added.status_code == 303, added.text
    assert [each["stand_in"] for each in await absences_of(screens)] == ["sam", "mia"]
    stand_in = await screens.console.enter("sam")
    assert "For Sara from" in (await stand_in.get(URL)).text


async def test_mistakes_are_shown_beside_their_fields(screens: Screens) -> None:
    browser = await screens.console.enter("sara")
    for form, said in (
        ({"from": "", "until": "", "stand_in": ""}, "Please fill this in."),
        (written(screens, "sam", days=-1), "It must end after it begins."),
        (
            {**written(screens, ""), "from": "2020-01-01T10:00", "until": "2020-01-02T10:00"},
            "Please choose a time to come.",
        ),
        (written(screens, "nobody"), "nobody is not known here."),
        (written(screens, "sara"), "It takes two people."),
    ):
        refused = await send(browser, form)
        assert refused.status_code == 422, (form, refused.text)
        assert re.search(f'class="problem"[^>]*>{re.escape(said)}', refused.text), said
        if form["from"]:
            assert f'value="{form["from"]}"' in refused.text


async def test_two_tabs_do_not_undo_each_other(screens: Screens) -> None:
    browser = await screens.console.enter("sara")
    earlier = etag_of((await browser.get(URL)).text)
    assert (await send(browser, written(screens, "sam"))).status_code == 303
    form = {**written(screens, "mia"), "etag": earlier}
    refused = await browser.post(URL, data=form, headers=SAME_ORIGIN)
    assert refused.status_code == 412
    assert "since you read it" in refused.text
    assert [each["stand_in"] for each in await absences_of(screens)] == ["sam"]
