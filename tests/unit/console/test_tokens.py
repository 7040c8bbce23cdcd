"""Tokens for the services: 60 seconds, in a person's name, with keys that can change."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from common.core.clock import TimeSource
from common.http.access import InvalidTokenError
from common.http.token_issuers import TokenIssuer
from common.http.tokens import TokenVerifier
from common.messaging.signatures import SigningKey, SigningKeyError
from console.tokens.mint import TokenMint
from console.tokens.signing_keys import read_keys

URL = "https://console.example.com"
OLD, NEW = SigningKey.generate(), SigningKey.generate()


def make_mint(*keys: SigningKey, clock: TimeSource | None = None) -> TokenMint:
    return TokenMint([key.seed for key in keys], URL, "upstairs", clock or TimeSource())


def make_verifier(
    keys: Sequence[SigningKey], clock: TimeSource | None = None, audience: str = "upstairs"
) -> TokenVerifier:
    issuer = TokenIssuer(
        issuer=URL,
        audience=audience,
        public_keys=tuple(key.public for key in keys),
        roles={"supervisor": "supervisor", "manager": "manager"},
    )
    verifier = TokenVerifier([issuer], clock or TimeSource())
    verifier.admit(["sara"])
    return verifier


async def test_token_names_the_person_and_the_role() -> None:
    caller = await make_verifier([NEW]).verify(make_mint(NEW).make_token("sara", "supervisor"))
    assert (caller.subject, caller.role, caller.issuer) == ("sara", "supervisor", URL)


async def test_token_lasts_a_minute_and_the_difference_of_clocks() -> None:
    clock = TimeSource()
    verifier = make_verifier([NEW], clock)
    token = make_mint(NEW).make_token("sara", "supervisor")
    clock.offset = timedelta(seconds=85)
    await verifier.verify(token)
    clock.offset = timedelta(seconds=95)
    with pytest.raises(InvalidTokenError, match="expired"):
        await verifier.verify(token)


async def test_first_key_signs_and_all_are_believed() -> None:
    verifier = make_verifier([OLD, NEW])
    for keys in ((OLD, NEW), (NEW, OLD)):
        await verifier.verify(make_mint(*keys).make_token("sara", "manager"))
    with pytest.raises(InvalidTokenError, match="no such key"):
        await make_verifier([NEW]).verify(make_mint(OLD, NEW).make_token("sara", "manager"))


async def test_token_for_another_audience_is_refused() -> None:
    verifier = make_verifier([NEW], audience="elsewhere")
    with pytest.raises(InvalidTokenError, match="aud"):
        await verifier.verify(make_mint(NEW).make_token("sara", "manager"))


def test_published_keys_hold_no_private_part() -> None:
    keys = make_mint(OLD, NEW).published_keys["keys"]
    assert len({key["kid"] for key in keys}) == 2
    assert all("d" not in key and key["crv"] == "Ed25519" for key in keys)


def test_tokens_differ() -> None:
    mint = make_mint(NEW)
    assert mint.make_token("sara", "manager") != mint.make_token("sara", "manager")


@pytest.mark.parametrize("text", ["", "short", "x" * 44, "YWJj"])
def test_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SigningKeyError):
        read_keys([text])
