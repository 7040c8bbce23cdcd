"""Whatever a provider, or somebody in its name, may send: nobody is signed in by a forgery."""

from datetime import timedelta

import pytest
from joserfc.jwk import RSAKey

from common.core.clock import TimeSource
from integration.console.harness import ConsoleHarness
from integration.console.provider import (
    CLIENT_ID,
    Document,
    Forgery,
    Provider,
    symmetric_key,
)
from integration.console.visits import Change, changed, refused, visit, without


@pytest.fixture
def console(provider_console: ConsoleHarness) -> ConsoleHarness:
    return provider_console


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
    console: ConsoleHarness, provider: Provider, claims: Change
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
    begun.forge(**change)
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
    begun.forge(**change)
    page = await begun.come_back()
    assert page.status_code in (400, 403)
    assert "<h1>" in page.text
