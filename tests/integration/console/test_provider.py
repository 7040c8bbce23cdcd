"""Signing in at an OpenID Connect provider, by the real flow, and out again."""

from urllib.parse import quote

import httpx
import pytest

from integration.console.harness import SAME_ORIGIN, URL, ConsoleHarness
from integration.console.provider import CLIENT_ID, Document, Provider
from integration.console.visits import open_with, refused, sign_in, visit, without
from support.databases import Postgres


@pytest.fixture
def console(provider_console: ConsoleHarness) -> ConsoleHarness:
    return provider_console


async def test_person_signs_in_and_arrives_where_they_were_going(
    console: ConsoleHarness, provider: Provider
) -> None:
    browser, answer = await sign_in(console, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sessions")
    (session,) = await console.app.state.sessions.list_of("sara")
    assert (session.role, session.name) == ("supervisor", "Sara")
    assert (await browser.get("/sessions")).status_code == 200


async def test_link_of_a_message_survives_the_sign_in(
    console: ConsoleHarness, provider: Provider
) -> None:
    path = "/e/019cae07-79c0-7a40-9c52-4f6b7e0d9a01"
    browser = await console.browser()
    sent = await browser.get(path)
    assert sent.headers["location"] == f"/sign-in?next={quote(path, safe='')}"
    begun = await visit(console, provider, path=quote(path, safe=""))
    assert (await begun.come_back()).headers["location"] == path


async def test_flow_proves_who_began_it(console: ConsoleHarness, provider: Provider) -> None:
    begun = await visit(console, provider)
    query = dict(httpx.URL(begun.address).params)
    assert query["code_challenge_method"] == "S256"
    assert query["response_type"] == "code"
    assert query["redirect_uri"] == f"{URL}/sign-in/return"
    assert len(query["state"]) >= 20
    assert len(query["nonce"]) >= 20
    await begun.come_back()
    (sent,) = provider.token_requests
    assert len(sent["code_verifier"]) >= 43


async def test_highest_role_of_the_groups_counts(
    console: ConsoleHarness, provider: Provider
) -> None:
    await provider.set_user("mia", groups=["agents", "heads", "leads"])
    await sign_in(console, provider, "mia")
    (session,) = await console.app.state.sessions.list_of("mia")
    assert session.role == "manager"


async def test_groups_may_be_in_the_userinfo_only(
    console: ConsoleHarness, provider: Provider
) -> None:
    provider.forgery.claims = without("groups")
    _, answer = await sign_in(console, provider)
    assert answer.status_code == 303


async def test_userinfo_of_somebody_else_signs_nobody_in(
    console: ConsoleHarness, provider: Provider
) -> None:
    """The ID token is of Rita, who has no groups in it, and the access token of Sara."""
    provider.forgery.claims = lambda claims: {**without("groups")(claims), "sub": "rita"}
    await refused(console, provider, 400, "can't be trusted")


async def test_tokens_that_were_revoked_at_once_sign_nobody_in(
    console: ConsoleHarness, provider: Provider
) -> None:
    def revoked(claims: Document) -> Document:
        httpx.post(f"{provider.mock_url}/users/sara/revoke-tokens", trust_env=False)
        return without("groups")(claims)

    provider.forgery.claims = revoked
    await refused(console, provider, 400, "can't be trusted")


async def test_provider_that_fails_half_way_signs_nobody_in(
    console: ConsoleHarness, provider: Provider
) -> None:
    def last_answer(claims: Document) -> Document:
        provider.is_down = True
        return without("groups")(claims)

    provider.forgery.claims = last_answer
    _, page = await sign_in(console, provider)
    assert page.status_code == 503
    assert "The provider does not answer" in page.text


async def test_person_without_a_role_is_told_whom_to_ask(
    console: ConsoleHarness, provider: Provider
) -> None:
    await provider.set_user("sara", groups=["tennis"])
    page = await refused(console, provider, 403, "You have no role in Upstairs")
    assert "it@example.com" in page.text
    assert "sara" in page.text


async def test_person_whom_router_does_not_know_is_told_whom_to_ask(
    console: ConsoleHarness, provider: Provider
) -> None:
    await provider.set_user("nobody", groups=["leads"])
    page = await refused(console, provider, 403, "Upstairs does not know you", "nobody")
    assert "it@example.com" in page.text


@pytest.mark.parametrize("person", ["../../admin", "ops:x", "<b>x</b>", "ü" * 60])
async def test_subject_that_is_no_id_of_a_person_signs_nobody_in(
    console: ConsoleHarness, provider: Provider, person: str
) -> None:
    provider.forgery.claims = lambda claims: {**claims, "sub": person, "groups": ["leads"]}
    page = await refused(console, provider, 403, "Upstairs does not know you")
    assert "<b>x" not in page.text


async def test_role_that_was_taken_away_ends_with_the_session_or_at_the_next_sign_in(
    console: ConsoleHarness, provider: Provider
) -> None:
    browser, _ = await sign_in(console, provider)
    await provider.set_user("sara", groups=[])
    await provider.revoke_tokens("sara")
    # Nobody tells the console; so an admin may end the sessions at once.
    assert (await browser.get("/sessions")).status_code == 200
    assert await console.app.state.sessions.end_all_of("sara") == 1
    assert (await browser.get("/sessions")).status_code == 303
    await refused(console, provider, 403, "You have no role in Upstairs")


async def test_person_who_declines_at_the_provider_reads_why(
    console: ConsoleHarness, provider: Provider
) -> None:
    browser = await console.browser()
    address = (await browser.get("/sign-in")).headers["location"]
    page = await browser.get(await provider.press(address, "sara", "deny"))
    assert page.status_code == 403
    assert "did not sign you in" in page.text
    assert "Try again" in page.text


async def test_words_of_the_provider_are_text(console: ConsoleHarness, provider: Provider) -> None:
    begun = await visit(console, provider)
    state = httpx.URL(begun.back).params["state"]
    words = {"error": "x", "error_description": "<script>alert(1)</script>", "state": state}
    page = await begun.browser.get("/sign-in/return", params=words)
    assert page.status_code == 403
    assert "&lt;script&gt;alert" in page.text
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("state", [{}, {"state": ""}, {"state": "x"}])
async def test_stranger_puts_no_words_on_a_page(
    console: ConsoleHarness, provider: Provider, state: dict[str, str]
) -> None:
    """By a link, to a person who has begun a sign-in or not."""
    words = {"error": "x", "error_description": "Call 555 and tell your password", **state}
    for browser in (await console.browser(), (await visit(console, provider)).browser):
        page = await browser.get("/sign-in/return", params=words)
        assert page.status_code == 403
        assert "Try again" in page.text
        assert "555" not in page.text


async def test_sign_in_from_a_long_address_fits_into_its_cookie(
    console: ConsoleHarness, provider: Provider
) -> None:
    """Browsers keep no cookie over 4096 bytes."""
    browser = await console.browser()
    for length in (900, 3000):
        answer = await browser.get("/sign-in", params={"next": "/now?topic=" + "x" * length})
        assert answer.status_code == 302
        assert len(answer.headers["set-cookie"]) < 4096


async def test_provider_that_is_down_has_a_readable_page(
    console: ConsoleHarness, provider: Provider
) -> None:
    provider.is_down = True
    page = await (await console.browser()).get("/sign-in")
    assert page.status_code == 503
    assert "Wait a minute" in page.text
    provider.is_down = False
    begun = await visit(console, provider)
    provider.is_down = True
    assert (await begun.come_back()).status_code == 503


async def test_router_that_is_down_has_a_readable_page(
    console: ConsoleHarness, provider: Provider
) -> None:
    console.app.state.services._clients["router"] = console.clients["intake"]
    await refused(console, provider, 503, "Queues and people: no answer.")


async def test_sign_out_is_also_at_the_provider(
    console: ConsoleHarness, provider: Provider
) -> None:
    browser, _ = await sign_in(console, provider)
    (session,) = await console.app.state.sessions.list_of("sara")
    page = await browser.post("/sign-out", headers=SAME_ORIGIN)
    assert page.status_code == 200
    address = page.headers["refresh"].removeprefix("0; url=")
    assert address.startswith(f"{provider.url}/oauth2/end_session?")
    sent = dict(httpx.URL(address).params)
    assert sent["id_token_hint"] == session.id_token
    assert sent["client_id"] == CLIENT_ID
    assert sent["post_logout_redirect_uri"] == f"{URL}/signed-out"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(address)).status_code == 200


async def test_sign_out_works_here_without_the_provider(
    console: ConsoleHarness, provider: Provider
) -> None:
    browser, _ = await sign_in(console, provider)
    console.app.state.provider._client.server_metadata.clear()
    provider.is_down = True
    page = await browser.post("/sign-out", headers=SAME_ORIGIN)
    assert page.status_code == 200
    assert "refresh" not in page.headers
    assert (await browser.get("/sessions")).status_code == 303


async def test_cookies_have_the_prefix_of_hosts_under_https(
    provider: Provider, postgres: Postgres, database_name: str
) -> None:
    url = "https://console.example.com"
    async with open_with(provider, postgres, database_name, public_url=url) as console:
        browser = await console.browser()
        begun = await browser.get(f"{url}/sign-in")
        cookie = begun.headers["set-cookie"]
        assert cookie.startswith("__Host-upstairs-sign-in=")
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= {
            part.strip().lower() for part in cookie.split(";")
        }
        assert begun.headers["strict-transport-security"]
        back = await provider.press(begun.headers["location"], "sara")
        done = await browser.get(back)
        (cookie,) = [
            each
            for each in done.headers.get_list("set-cookie")
            if each.startswith("__Host-upstairs=")
        ]
        assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= {
            part.strip() for part in cookie.split(";")
        }
        assert "domain" not in cookie.lower()


async def test_development_sign_in_is_closed_beside_a_provider(console: ConsoleHarness) -> None:
    browser = await console.browser()
    entered = await browser.post("/enter", data={"person": "sara"}, headers=SAME_ORIGIN)
    assert entered.status_code == 404
    assert (await browser.get("/enter?once=x")).status_code == 404


async def test_secrets_of_a_sign_in_are_not_logged(
    console: ConsoleHarness, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """Authlib's `debug` has the secret that proves who began it."""
    with caplog.at_level("DEBUG"):
        await sign_in(console, provider)
    (sent,) = provider.token_requests
    assert sent["code_verifier"] not in caplog.text
