"""Who may open which page: every route of the console, as each caller."""

import re

import pytest

from integration.console.harness import KEYS, SAME_ORIGIN, ConsoleHarness
from integration.console.matrix import OPEN, operations


async def test_page_is_closed_unless_the_table_says_that_it_is_open(
    console: ConsoleHarness,
) -> None:
    browser = await console.browser()
    refused: set[str] = set()
    admitted: set[str] = set()
    for name, path in operations():
        answer = await browser.request(name.partition(" ")[0], path, headers=SAME_ORIGIN)
        is_refused = answer.status_code == 401 or (
            answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?")
        )
        (refused if is_refused else admitted).add(name)
    assert admitted == OPEN.keys()
    assert len(refused) > 10


async def test_every_form_of_another_site_is_refused(console: ConsoleHarness) -> None:
    browser = await console.enter("mia")
    for name, path in operations():
        method = name.partition(" ")[0]
        if method != "GET":
            answer = await browser.request(method, path, headers={"Origin": "http://evil.example"})
            assert answer.status_code == 403, name


@pytest.mark.parametrize("person", ["rita", "sara", "mia"])
async def test_page_is_readable_when_services_do_not_answer(
    console: ConsoleHarness, person: str
) -> None:
    """Each service but router is down here; a page shows the rest, or says what is missing."""
    browser = await console.enter(person)
    for name, path in operations():
        if name.startswith("GET ") and name not in OPEN and "live" not in name:
            answer = await browser.get(path, headers={"Sec-Fetch-Dest": "document"})
            assert answer.status_code in (200, 303, 403, 404, 422, 503), (name, answer.status_code)
            if answer.status_code != 303:
                assert "<h1" in answer.text, name


async def test_refused_role_is_named_in_the_language_of_the_reader(
    console: ConsoleHarness,
) -> None:
    browser = await console.enter("rita", **{"Accept-Language": "de"})
    page = await browser.get("/floor")
    assert page.status_code == 403
    assert "Sie sind angemeldet als Kundenbetreuung." in page.text


async def test_now_counts_free_places_of_the_whole_centre(console: ConsoleHarness) -> None:
    presence = {"presence": "available"}
    for path, body in (("", {"capacity": 3}), ("/presence", presence)):
        answer = await console.router.put(
            f"/v1/representatives/rita{path}", json=body, headers=KEYS("ops")
        )
        assert answer.is_success, answer.text
    page = await (await console.enter("sara")).get("/now")
    assert re.search(r'data-counter="free".*?class="count">3<', page.text, re.DOTALL)
