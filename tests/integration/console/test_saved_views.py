"""Filters of Now that a person has named: saved, opened first, deleted, and nobody else's."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from console.domain.saved_view import MAX_VIEWS
from integration.console.harness import SAME_ORIGIN, ConsoleHarness
from support.databases import rows

AGE = {"age": timedelta(days=2)}
FILTERS = "severity=high&severity=critical&topic=a%26b"


@pytest.fixture
async def sara(console: ConsoleHarness) -> httpx.AsyncClient:
    return await console.enter("sara")


async def save(browser: httpx.AsyncClient, name: str, **fields: str) -> str:
    """Save a view, and return the page that is shown then."""
    data = {"name": name, "filters": FILTERS, **fields}
    answer = await browser.post("/now/views", data=data, headers=SAME_ORIGIN)
    assert answer.status_code == 303, answer.text
    return (await browser.get(answer.headers["location"])).text


async def change(browser: httpx.AsyncClient, view_id: str, action: str) -> str:
    answer = await browser.post(f"/now/views/{view_id}/{action}", headers=SAME_ORIGIN)
    return (await browser.get(answer.headers["location"])).text


def view_ids(page: str) -> list[str]:
    return re.findall(r"/now/views/([0-9a-f-]+)/delete", page)


async def test_saved_view_is_found_again_and_shown_as_the_present_one(
    sara: httpx.AsyncClient,
) -> None:
    page = await save(sara, "  Urgent <b>\n")
    assert "The view is saved." in page
    assert "Urgent &lt;b&gt;</a>" in page
    (link,) = re.findall(r'href="(/now\?severity[^"]*)" dir="auto" aria-current="true"', page)
    assert link.replace("&amp;", "&") == f"/now?{FILTERS}"


async def test_default_view_opens_first_and_everything_stays_in_reach(
    sara: httpx.AsyncClient,
) -> None:
    page = await save(sara, "Urgent", default="true")
    opened = await sara.get("/now")
    assert (opened.status_code, opened.headers["location"]) == (303, f"/now?{FILTERS}")
    assert (await sara.get("/now?view=all")).status_code == 200
    (view_id,) = view_ids(page)
    await change(sara, view_id, "not-first")
    assert (await sara.get("/now")).status_code == 200
    await change(sara, view_id, "open-first")
    other = await save(sara, "Other", default="true", filters="alarm=true")
    assert other.count("opens first") == 1
    assert (await sara.get("/now")).headers["location"] == "/now?alarm=true"


async def test_same_name_takes_the_new_filters(sara: httpx.AsyncClient) -> None:
    await save(sara, "Urgent")
    page = await save(sara, "Urgent", filters="alarm=true&rubbish=1")
    assert len(view_ids(page)) == 1
    assert 'href="/now?alarm=true" dir="auto"' in page


async def test_deleted_view_is_gone(sara: httpx.AsyncClient) -> None:
    (view_id,) = view_ids(await save(sara, "Urgent"))
    page = await change(sara, view_id, "delete")
    assert "Your views are changed." in page
    assert view_ids(page) == []


async def test_view_without_a_name_and_one_too_many_are_refused(sara: httpx.AsyncClient) -> None:
    assert "Please give the view a name." in await save(sara, " \u200b ")
    for number in range(MAX_VIEWS):
        await save(sara, f"View {number}")
    page = await save(sara, "One more")
    assert "You have 20 views. Delete one first." in page
    assert len(view_ids(page)) == MAX_VIEWS
    assert "The view is saved." in await save(sara, "View 3", filters="alarm=true")


async def test_view_of_somebody_else_is_neither_shown_nor_changed(
    console: ConsoleHarness, sara: httpx.AsyncClient
) -> None:
    (view_id,) = view_ids(await save(sara, "Urgent"))
    mia = await console.enter("mia")
    assert "Urgent" not in await change(mia, view_id, "delete")
    await change(mia, view_id, "open-first")
    assert (await mia.get("/now")).status_code == 200
    assert len(view_ids((await sara.get("/now")).text)) == 1


async def test_view_lives_on_while_its_person_opens_now(
    console: ConsoleHarness, sara: httpx.AsyncClient
) -> None:
    await save(sara, "Urgent")
    async with console.database.transaction() as uow:
        await uow.connection.execute(
            text("UPDATE saved_views SET used_at = used_at - CAST(:age AS interval)"), AGE
        )
    used = "SELECT used_at FROM saved_views"
    (before,) = await rows(console.database, used)
    await (await console.enter("mia")).get("/now")
    assert await rows(console.database, used) == [before]
    await sara.get("/now")
    (after,) = await rows(console.database, used)
    assert after.used_at - before.used_at >= AGE["age"]
