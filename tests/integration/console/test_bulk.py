"""Many rows of Now acknowledged at once, as a browser without scripts gets it."""

import re

import httpx
import pytest

from integration.console.harness import SAME_ORIGIN
from integration.console.screens_harness import Browser, Screens

UNKNOWN = "019cae07-79c0-7a40-9c52-4f6b7e0d9a01"


@pytest.fixture
async def sara(screens: Screens) -> httpx.AsyncClient:
    return await screens.console.enter("sara")


async def acknowledge(browser: httpx.AsyncClient, *ids: str, **fields: str) -> httpx.Response:
    data = {"escalation": [*ids], "filters": "severity=medium", **fields}
    return await browser.post("/now/acknowledge", data=data, headers=SAME_ORIGIN)


def results(page: httpx.Response) -> dict[str, str]:
    pairs = re.findall(r'<li data-id="([^"]+)".*?<strong>(.*?)</strong>', page.text)
    return dict(pairs)


async def test_chosen_rows_are_acknowledged_and_each_says_so(
    screens: Screens, sara: httpx.AsyncClient
) -> None:
    ids = [await screens.escalate() for _ in range(3)]
    listed = (await sara.get("/now")).text
    assert all(f'form="bulk" name="escalation" value="{each}"' in listed for each in ids)
    page = await acknowledge(sara, *ids[:2], ids[0])
    assert page.status_code == 200
    assert results(page) == dict.fromkeys(ids[:2], "Acknowledged")
    assert "2 of 2 rows acknowledged." in page.text
    assert 'href="/now?severity=medium"' in page.text
    holders = [(await screens.show(each))["holder"] for each in ids]
    assert holders == ["sara", "sara", None]


async def test_row_of_somebody_who_was_faster_is_named(
    screens: Screens, sara: httpx.AsyncClient
) -> None:
    screens.admit("mia")
    first, second, own = [await screens.escalate() for _ in range(3)]
    await Browser(await screens.console.enter("mia"), first).send("acknowledge")
    await Browser(sara, own).send("acknowledge")
    page = await acknowledge(sara, first, second, own, UNKNOWN)
    shown = results(page)
    assert shown[first] == "Mia was faster"
    assert (shown[second], shown[own]) == ("Acknowledged", "Acknowledged")
    assert "There is no such escalation." in shown[UNKNOWN]
    assert "2 of 4 rows acknowledged." in page.text


async def test_form_that_is_sent_twice_acts_once(screens: Screens, sara: httpx.AsyncClient) -> None:
    escalation_id = await screens.escalate()
    for text in ("Acknowledged", "It was sent before: once is enough."):
        page = await acknowledge(sara, escalation_id, submission="s-1")
        assert results(page) == {escalation_id: text}
    assert (await screens.show(escalation_id))["version"] == 2


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ((), "Choose rows first."),
        (("<script>", "1 OR 1=1"), "Choose rows first."),
        (
            tuple(f"019cae07-79c0-7a40-9c52-{n:012x}" for n in range(51)),
            "Choose at most 50 rows at once.",
        ),
    ],
)
async def test_wrong_choice_is_refused_in_words(
    sara: httpx.AsyncClient, ids: tuple[str, ...], text: str
) -> None:
    page = await acknowledge(sara, *ids)
    assert (page.status_code, text in page.text) == (422, True)


async def test_rows_say_that_a_service_does_not_answer(
    screens: Screens, sara: httpx.AsyncClient
) -> None:
    escalation_id = await screens.escalate()
    api = screens.console.clients["escalation"]
    screens.break_off("escalation")
    page = await acknowledge(sara, escalation_id, submission="s-1")
    assert "no answer" in results(page)[escalation_id]
    screens.console.clients["escalation"] = api
    page = await acknowledge(sara, escalation_id, submission="s-1")
    assert results(page) == {escalation_id: "Acknowledged"}
