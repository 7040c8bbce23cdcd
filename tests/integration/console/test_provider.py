"""Signing in at an OpenID Connect provider, by the real flow; and all that must not sign in."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from common.core.clock import TimeSource
from integration.console.harness import SAME_ORIGIN, URL, ConsoleHarness, open_console
from integration.console.provider import (
    CLIENT_ID,
    Document,
    Forgery,
    Provider,
    open_provider,
    symmetric_key,
)
from support.databases import Postgres

Change = Callable[[Document], Document]

ROLES = {"leads": "supervisor", "heads": "manager", "agents": "representative"}


@pytest.fixture(scope="module")
async def shared_provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Provider]:
    async with open_provider(Path(tmp_path_factory.mktemp("provider"))) as provider:
        yield provider


@pytest.fixture
async def provider(shared_provider: Provider) -> Provider:
    shared_provider.forgery = Forgery()
    shared_provider.is_down = False
    shared_provider.token_requests.clear()
    await shared_provider.set_user("sara", groups=["leads", "tennis"])
    return shared_provider


@pytest.fixture
async def console(
    provider: Provider, postgres: Postgres, database_name: str
) -> AsyncIterator[ConsoleHarness]:
    async with open_with(provider, postgres, database_name) as harness:
        yield harness


def open_with(provider: Provider, postgres: Postgres, database_name: str, **changes: Any) -> Any:
    settings = {
        "oidc_issuer": provider.url,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": "the secret of the client",
        "oidc_roles": ROLES,
        "cookie_secret": "signs the cookies of sign-ins in these tests",
        "console_dev_login": False,
        "console_dev_people": {},
        "help_contact": "it@example.com",
    }
    return open_console(postgres, database_name, **{**settings, **changes})


@dataclass
class Visit:
    """A browser that has been sent to the provider, and where from there."""

    browser: httpx.AsyncClient
    address: str
    back: str

    async def come_back(self) -> httpx.Response:
        return await self.browser.get(self.back)


async def visit(
    console: ConsoleHarness, provider: Provider, person: str = "sara", path: str = "/sessions"
) -> Visit:
    browser = await console.browser()
    answer = await browser.get(f"/sign-in?next={path}")
    assert answer.status_code == 302, answer.text
    address = answer.headers["location"]
    back = await provider.press(address, person)
    assert back.startswith(f"{URL}/sign-in/return?")
    return Visit(browser, address, back)


async def sign_in(
    console: ConsoleHarness, provider: Provider, person: str = "sara"
) -> tuple[httpx.AsyncClient, httpx.Response]:
    begun = await visit(console, provider, person)
    return begun.browser, await begun.come_back()


async def test_person_signs_in_and_arrives_where_they_were_going(
    console: ConsoleHarness, provider: Provider
) -> None:
    browser, answer = await sign_in(console, provider)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sessions")
    (session,) = await console.app.state.sessions.list_of("sara")
    assert (session.role, session.name) == ("supervisor", "Sara")
    assert (await browser.get("/sessions")).status_code == 200


async def test_flow_proves_who_began_it(console: ConsoleHarness, provider: Provider) -> None:
    begun = await visit(console, provider)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.address).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{URL}/sign-in/return"
    assert len(asked["state"]) >= 20
    assert len(asked["nonce"]) >= 20
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


async def refused(
    console: ConsoleHarness, provider: Provider, status: int, text: str, person: str = "sara"
) -> httpx.Response:
    """Sign in; expect a readable page and no session."""
    browser, page = await sign_in(console, provider, person)
    assert page.status_code == status, page.text
    assert text in page.text
    assert (await browser.get("/sessions")).status_code == 303
    return page


def without(claim: str) -> Change:
    return lambda claims: {name: value for name, value in claims.items() if name != claim}


def changed(**changes: object) -> Change:
    return lambda claims: {**claims, **changes}


def _past(claims: Document) -> Document:
    now = TimeSource().utc_now()
    return {
        **claims,
        "iat": int((now - timedelta(hours=2)).timestamp()),
        "exp": int((now - timedelta(hours=1)).timestamp()),
    }


@pytest.mark.parametrize(
    "claims",
    [
        changed(nonce="of another sign-in"),
        without("nonce"),
        changed(iss="https://evil.example"),
        without("iss"),
        changed(aud="another client"),
        changed(aud=["another client"], azp=CLIENT_ID),
        without("aud"),
        changed(azp="another client"),
        _past,
        without("exp"),
        without("sub"),
        changed(at_hash="of another token"),
        changed(exp="never"),
        changed(iat=[]),
    ],
    ids=[
        *("nonce", "no nonce", "issuer", "no issuer", "audience", "one of audiences"),
        *("no audience", "party", "expired", "no end", "no subject", "access token"),
        *("end that is none", "beginning that is none"),
    ],
)
async def test_forged_claim_signs_nobody_in(
    console: ConsoleHarness, provider: Provider, claims: Any
) -> None:
    provider.forgery.claims = claims
    await refused(console, provider, 400, "can't be trusted")


async def test_token_of_an_unknown_key_signs_nobody_in(
    console: ConsoleHarness, provider: Provider
) -> None:
    provider.forgery = Forgery(key=RSAKey.generate_key(2048))
    await refused(console, provider, 400, "can't be trusted")


async def test_token_that_a_shared_secret_signs_admits_nobody(
    console: ConsoleHarness, provider: Provider
) -> None:
    provider.forgery = Forgery(
        algorithm="HS256",
        key=symmetric_key(),
        metadata=changed(id_token_signing_alg_values_supported=["HS256", "none", "RS256"]),
    )
    await refused(console, provider, 400, "can't be trusted")


async def test_provider_that_calls_itself_otherwise_is_not_asked(
    console: ConsoleHarness, provider: Provider
) -> None:
    provider.forgery.metadata = changed(issuer="https://evil.example")
    page = await (await console.browser()).get("/sign-in")
    assert page.status_code == 503
    assert "The provider does not answer" in page.text


@pytest.mark.parametrize("change", [{"state": "forged"}, {"state": ""}, {"state": None}])
async def test_forged_state_signs_nobody_in(
    console: ConsoleHarness, provider: Provider, change: dict[str, str | None]
) -> None:
    begun = await visit(console, provider)
    url = httpx.URL(begun.back)
    kept = {**dict(url.params), **change}
    begun.back = str(url.copy_with(params={k: v for k, v in kept.items() if v is not None}))
    page = await begun.come_back()
    assert page.status_code == 400
    assert "did not finish" in page.text
    assert not provider.token_requests


async def test_answer_for_another_browser_signs_nobody_in(
    console: ConsoleHarness, provider: Provider
) -> None:
    """Otherwise an attacker could sign somebody in as the attacker."""
    begun = await visit(console, provider)
    victim = await console.browser()
    page = await victim.get(begun.back)
    assert page.status_code == 400
    assert "did not finish" in page.text


async def test_answer_counts_once(console: ConsoleHarness, provider: Provider) -> None:
    begun = await visit(console, provider)
    assert (await begun.come_back()).status_code == 303
    again = await begun.come_back()
    assert again.status_code == 400


@pytest.mark.parametrize("change", [{"code": "forged"}, {"code": None}])
async def test_forged_code_signs_nobody_in(
    console: ConsoleHarness, provider: Provider, change: dict[str, str | None]
) -> None:
    begun = await visit(console, provider)
    url = httpx.URL(begun.back)
    kept = {**dict(url.params), **change}
    begun.back = str(url.copy_with(params={k: v for k, v in kept.items() if v is not None}))
    page = await begun.come_back()
    assert page.status_code in (400, 403)
    assert "<h1>" in page.text


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
    browser = await console.browser()
    page = await browser.get(
        "/sign-in/return", params={"error": "x", "error_description": "<script>alert(1)</script>"}
    )
    assert page.status_code == 403
    assert "<script>alert" not in page.text


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
    await refused(console, provider, 503, "router")


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
