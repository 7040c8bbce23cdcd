"""What surrounds every page: headers, requests from other sites, readable errors."""

from datetime import timedelta

import httpx
import pytest

from integration.console.harness import SAME_ORIGIN, URL, ConsoleHarness

_PATHS = ("/", "/sign-in", "/nowhere", "/jwks.json", "/static/nothing.css", "/sessions")


@pytest.mark.parametrize("path", _PATHS)
async def test_every_answer_has_the_headers_that_protect_it(
    console: ConsoleHarness, path: str
) -> None:
    answer = await (await console.browser()).get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'; script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] in ("no-store", "public, max-age=300")


async def test_page_is_stored_in_no_cache(console: ConsoleHarness) -> None:
    browser = await console.enter("sara")
    assert (await browser.get("/sessions")).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        # What an attacker's page can't forge counts, not what it can.
        {"Sec-Fetch-Site": "cross-site", "Origin": URL},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"{URL}.evil.example"},
        {"Referer": f"{URL}/"},
    ],
)
async def test_form_of_another_site_is_refused(
    console: ConsoleHarness, headers: dict[str, str]
) -> None:
    browser = await console.enter("sara")
    page = await browser.post("/sign-out", headers=headers)
    assert page.status_code == 403
    assert "Nothing was done" in page.text
    assert (await browser.get("/sessions")).status_code == 200


@pytest.mark.parametrize("headers", [SAME_ORIGIN, {"Origin": URL}])
async def test_form_of_the_console_is_admitted(
    console: ConsoleHarness, headers: dict[str, str]
) -> None:
    browser = await console.enter("sara")
    assert (await browser.post("/sign-out", headers=headers)).status_code == 200


async def test_development_sign_in_answers_by_names_of_this_machine_only(
    console: ConsoleHarness,
) -> None:
    """A site whose name suddenly leads to 127.0.0.1 could sign in as anybody."""
    browser = await console.browser()
    page = await browser.get("/sign-in", headers={"Host": "evil.example:8005"})
    assert page.status_code == 421
    assert "Enter as" not in page.text
    assert (await browser.get("/sign-in", headers={"Host": "localhost:1"})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/sessions", 405),
        ("POST", "/sessions/1/end", 422),
        ("GET", "/%00", 400),
        ("GET", "/enter", 422),
        ("GET", "/sign-in/return?code=1&state=2", 404),
        ("GET", "/static/../settings.py", 404),
    ],
)
async def test_wrong_request_has_a_readable_answer(
    console: ConsoleHarness, method: str, path: str, status: int
) -> None:
    browser = await console.enter("sara")
    page = await browser.request(method, path, headers=SAME_ORIGIN)
    assert page.status_code == status
    assert "<h1>" in page.text
    assert page.headers["content-type"].startswith("text/html")


async def test_error_of_a_route_is_a_readable_page(console: ConsoleHarness) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("a secret of the code")

    console.app.router.add_api_route("/fails", fail)
    page = await (await console.browser()).get("/fails")
    assert page.status_code == 500
    assert "Something went wrong" in page.text
    assert "secret" not in page.text


async def test_page_says_which_service_does_not_answer(console: ConsoleHarness) -> None:
    browser = await console.enter("sara")

    async def ask() -> None:
        await console.app.state.services.get("escalation", "/v1/escalations", Caller())

    console.app.router.add_api_route("/asks", ask)
    page = await browser.get("/asks")
    assert page.status_code == 503
    assert page.headers["retry-after"] == "5"
    assert "Escalations: no answer." in page.text


class Caller:
    person = "sara"
    role = "supervisor"


async def test_german_reader_gets_german_pages_marked_so(console: ConsoleHarness) -> None:
    browser = await console.browser()
    page = await browser.get("/sign-in", headers={"Accept-Language": "de-AT, en;q=0.5"})
    assert page.headers["content-language"] == "de"
    assert '<html lang="de">' in page.text


async def test_keys_are_public(console: ConsoleHarness) -> None:
    answer: httpx.Response = await (await console.browser()).get("/jwks.json")
    (key,) = answer.json()["keys"]
    assert key["crv"] == "Ed25519"
    assert "d" not in key


async def test_page_tells_a_wrong_clock_of_the_console_from_a_dismissal(
    console: ConsoleHarness,
) -> None:
    browser = await console.enter("sara")
    console.wait(timedelta(minutes=5))
    page = await browser.get("/floor/rita")
    assert page.status_code == 503
    assert "does not believe the console" in page.text
    assert "You are still signed in" in page.text
    console.wait(-timedelta(minutes=5))
    console.tokens_of_router.admit({"mia"})
    page = await browser.get("/floor/rita")
    assert page.status_code == 403
    assert "no longer admits you" in page.text
