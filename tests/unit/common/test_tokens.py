"""Tokens: whom an issuer vouches for, and every reason to admit nobody."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from common.core.clock import TimeSource
from common.http.access import InvalidTokenError, Principal
from common.http.token_issuers import KeySetUnavailableError
from common.http.tokens import TokenVerifier
from support.tokens import ISSUER, Issuer, make_key, symmetric_key


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def verifier_of(issuer: Issuer, clock: TimeSource | None = None) -> TokenVerifier:
    verifier = TokenVerifier([ISSUER], clock or TimeSource(), issuer.fetch)
    verifier.admit({"sara"})
    return verifier


@pytest.mark.parametrize(
    ("changes", "role"),
    [
        ({}, "supervisor"),
        ({"groups": "agents"}, "representative"),
        ({"groups": ["agents", "heads", "team-leads", "else"]}, "manager"),
        ({"groups": ["agents", 7, None]}, "representative"),
        ({"aud": ["other", "upstairs"]}, "supervisor"),
        ({"exp": -timedelta(seconds=20)}, "supervisor"),
        ({"nbf": timedelta(seconds=20)}, "supervisor"),
        ({"iat": timedelta(seconds=20)}, "supervisor"),
    ],
)
async def test_token_gives_the_person_and_the_highest_role(
    issuer: Issuer, changes: dict[str, Any], role: str
) -> None:
    verifier = verifier_of(issuer)
    token = issuer.issue(**changes)
    assert verifier.token_in(f"Bearer {token}") == token
    principal = await verifier.verify(token)
    assert (principal.role, principal.person_id, principal.key_id) == (role, "sara", "")
    assert principal == Principal(principal.role, "sara")
    assert verifier.is_valid(principal)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://other.example.com"}, "issuer is not one of"),
        ({"iss": None}, "issuer is not one of"),
        ({"iss": ["https://id.example.com"]}, "issuer is not one of"),
        ({"aud": "payroll"}, "claim aud is missing or wrong"),
        ({"aud": None}, "claim aud is missing or wrong"),
        ({"aud": {"a": "upstairs"}}, "claim aud is missing or wrong"),
        ({"exp": -timedelta(seconds=40)}, "has expired"),
        ({"exp": None}, "claim exp is missing or wrong"),
        ({"exp": "tomorrow"}, "claim exp is missing or wrong"),
        ({"exp": 10**400}, "not a JSON Web Token"),
        ({"exp": 10**15}, "valid for over a day"),
        ({"exp": timedelta(hours=25)}, "valid for over a day"),
        ({"nbf": timedelta(seconds=60)}, "claim nbf is missing or wrong"),
        ({"iat": timedelta(seconds=60)}, "claim iat is missing or wrong"),
        ({"sub": None}, "claim sub is no person's id"),
        ({"sub": 7}, "claim sub is missing or wrong"),
        ({"sub": "admin:ops"}, "claim sub is no person's id"),
        ({"sub": "sara\n"}, "claim sub is no person's id"),
        ({"groups": None}, "names no group that has a role"),
        ({"groups": ["admin", "manager"]}, "names no group that has a role"),
        ({"groups": {"heads": True}}, "names no group that has a role"),
    ],
)
async def test_wrong_claim_is_refused_with_its_reason(
    issuer: Issuer, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidTokenError, match=reason):
        await verifier_of(issuer).verify(issuer.issue(**changes))


async def test_signature_of_another_key_is_refused(issuer: Issuer) -> None:
    stranger = make_key(kid="k1")
    with pytest.raises(InvalidTokenError, match="signature is wrong"):
        await verifier_of(issuer).verify(issuer.issue(stranger))


async def test_unknown_key_is_refused(issuer: Issuer) -> None:
    with pytest.raises(InvalidTokenError, match="no such key"):
        await verifier_of(issuer).verify(issuer.issue(make_key(kid="k9")))


async def test_algorithm_by_which_the_service_could_sign_is_refused(issuer: Issuer) -> None:
    """Also if the issuer publishes a symmetric key, which then everybody has."""
    issuer.keys = [symmetric_key()]
    with pytest.raises(InvalidTokenError, match="can't be checked"):
        await verifier_of(issuer).verify(issuer.issue(algorithm="HS256"))


async def test_token_without_a_signature_is_refused(issuer: Issuer) -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').decode().rstrip("=")
    _, payload, _ = issuer.issue().split(".")
    for signature in ("", "AA"):
        with pytest.raises(InvalidTokenError):
            await verifier_of(issuer).verify(f"{header}.{payload}.{signature}")


async def test_keys_of_other_algorithms_verify_too(issuer: Issuer) -> None:
    issuer.keys = [RSAKey.generate_key(2048, {"kid": "r1"}), make_key("k2")]
    verifier = verifier_of(issuer)
    assert (await verifier.verify(issuer.issue(algorithm="RS256"))).subject == "sara"
    assert (await verifier.verify(issuer.issue(issuer.keys[1], algorithm="Ed25519"))).role


async def test_new_key_counts_at_once_and_a_withdrawn_one_no_longer(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr("common.http.token_issuers.monotonic", lambda: clock)
    verifier = verifier_of(issuer)
    old = issuer.keys[0]
    await verifier.verify(issuer.issue())
    issuer.keys = [make_key("k2"), old]
    clock += 31
    await verifier.verify(issuer.issue())
    assert issuer.reads == 2
    issuer.keys = issuer.keys[:1]
    clock += 601
    with pytest.raises(InvalidTokenError, match="no such key"):
        await verifier.verify(issuer.issue(old))


async def test_strangers_do_not_make_us_ask_the_issuer_all_the_time(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr("common.http.token_issuers.monotonic", lambda: clock)
    verifier = verifier_of(issuer)
    for number in range(20):
        with pytest.raises(InvalidTokenError):
            await verifier.verify(issuer.issue(make_key(kid=f"unknown-{number}")))
        clock += 3
    assert issuer.reads == 2
    assert await verifier.verify(issuer.issue())


@pytest.mark.parametrize("error", [TimeoutError("slow"), ValueError("too large")])
async def test_keys_that_were_read_count_while_the_issuer_is_away(
    issuer: Issuer, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr("common.http.token_issuers.monotonic", lambda: clock)
    verifier = verifier_of(issuer)
    issuer.error = error
    with pytest.raises(KeySetUnavailableError):
        await verifier.verify(issuer.issue())
    issuer.error = None
    clock += 31
    await verifier.verify(issuer.issue())
    issuer.error = error
    clock += 3600
    assert await verifier.verify(issuer.issue())


async def test_issuer_that_does_not_finish_its_answer_keeps_nobody_waiting(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fetch_forever(_url: str) -> bytes:
        await asyncio.Event().wait()
        return b""

    monkeypatch.setattr("common.http.token_issuers._TIMEOUT_S", 0.01)
    verifier = TokenVerifier([ISSUER], TimeSource(), fetch_forever)
    async with asyncio.timeout(5):
        with pytest.raises(KeySetUnavailableError):
            await verifier.verify(issuer.issue())


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA", "kid": "k2"},
        {"kty": "EC", "crv": "a new curve", "x": "AA", "y": "AA", "kid": "k2"},
        {"kty": "EC", "crv": "P-256", "x": 7, "y": [], "kid": "k2"},
        {"kty": "OKP", "crv": "X25519", "x": "AA", "kid": "k2"},
        {"kid": "k2"},
        7,
    ],
)
async def test_key_that_cannot_be_used_hides_no_other(issuer: Issuer, other: object) -> None:
    async def fetch(url: str) -> bytes:
        keys = orjson.loads(await issuer.fetch(url))["keys"]
        return orjson.dumps({"keys": [other, *keys]})

    verifier = TokenVerifier([ISSUER], TimeSource(), fetch)
    verifier.admit({"sara"})
    assert await verifier.verify(issuer.issue())


@pytest.mark.parametrize("name", ["alg", "kid", "crit", "typ", "jwk", "x5c"])
@pytest.mark.parametrize("value", [None, 7, [], [["b64"]], {}, {"a": []}])
async def test_header_of_another_type_admits_nobody_who_did_not_sign(
    issuer: Issuer, name: str, value: object
) -> None:
    _, claims, signature = issuer.issue().split(".")
    header = orjson.dumps({"alg": "Ed25519", "kid": "k1", name: value})
    encoded = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    with pytest.raises(InvalidTokenError):
        await verifier_of(issuer).verify(f"{encoded}.{claims}.{signature}")


async def test_known_key_does_not_wait_for_an_issuer_that_is_slow(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1000.0
    monkeypatch.setattr("common.http.token_issuers.monotonic", lambda: clock)
    fetch_began, may_answer = asyncio.Event(), asyncio.Event()

    async def fetch(url: str) -> bytes:
        fetch_began.set()
        await may_answer.wait()
        return await issuer.fetch(url)

    verifier = TokenVerifier([ISSUER], TimeSource(), fetch)
    verifier.admit({"sara"})
    may_answer.set()
    await verifier.verify(issuer.issue())
    fetch_began.clear()
    may_answer.clear()
    clock += 601
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(verifier.verify(issuer.issue()))
        await fetch_began.wait()
        assert await verifier.verify(issuer.issue())
        assert not waiting.done()
        may_answer.set()
    assert issuer.reads == 2


async def test_token_of_who_has_left_is_refused_until_they_return(issuer: Issuer) -> None:
    verifier = verifier_of(issuer)
    principal = await verifier.verify(issuer.issue())
    verifier.admit({"sam"})
    assert not verifier.is_valid(principal)
    with pytest.raises(InvalidTokenError, match="not known here, or has left"):
        await verifier.verify(issuer.issue())
    verifier.admit({"sam", "sara"})
    assert verifier.is_valid(await verifier.verify(issuer.issue()))


@pytest.mark.parametrize("person", ["zoe", "Sara", "sara@example.com"])
async def test_token_of_a_person_whom_nobody_described_is_refused(
    issuer: Issuer, person: str
) -> None:
    with pytest.raises(InvalidTokenError, match="not known here"):
        await verifier_of(issuer).verify(issuer.issue(sub=person))


async def test_token_is_not_valid_after_its_time(issuer: Issuer) -> None:
    clock = TimeSource()
    verifier = verifier_of(issuer, clock)
    principal = await verifier.verify(issuer.issue())
    clock.offset = timedelta(minutes=6)
    assert not verifier.is_valid(principal)


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
async def test_rubbish_is_refused(header: bytes, payload: bytes, signature: bytes) -> None:
    parts = [base64.urlsafe_b64encode(part).decode() for part in (header, payload, signature)]
    with pytest.raises(InvalidTokenError):
        await verifier_of(Issuer()).verify(".".join(parts))


@pytest.mark.parametrize(
    "text",
    ["", "Bearer ups_0123456789ab_x", "Bearer ey.a.b.c", "Basic ey.a.b", "ey.a.b", "Bearer k.e.y"],
)
def test_other_text_is_no_token(text: str) -> None:
    assert verifier_of(Issuer()).token_in(text) is None


def test_without_issuers_there_are_no_tokens(issuer: Issuer) -> None:
    assert TokenVerifier([], TimeSource()).token_in(f"Bearer {issuer.issue()}") is None


async def test_token_of_any_length_is_refused(issuer: Issuer) -> None:
    with pytest.raises(InvalidTokenError, match="characters"):
        await verifier_of(issuer).verify(issuer.issue(name="x" * 9000))
