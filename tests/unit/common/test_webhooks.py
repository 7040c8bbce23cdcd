"""Signed webhooks, with the test vectors that their senders publish."""

import base64
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from common.http.webhooks import (
    TOLERANCE,
    BadSignatureError,
    SignatureScheme,
    StaleRequestError,
    verify_signature,
)

ZENDESK = SignatureScheme(encoding="base64", time_format="iso8601")
SLACK = SignatureScheme(encoding="hex", time_format="unix", prefix="v0=")
STANDARD = SignatureScheme(encoding="base64", time_format="unix", prefix="v1,", separator=" ")


@dataclass(frozen=True)
class SignedRequest:
    scheme: SignatureScheme
    secret: bytes
    signed: bytes
    signature: str
    timestamp: str
    signed_at: datetime


# Documented parts, signature recomputed by hand.
ZENDESK_VECTOR = SignedRequest(
    ZENDESK,
    b"HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA=",
    b'2021-07-25T10:00:00Z{"say": "hello"}',
    "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk=",
    "2021-07-25T10:00:00Z",
    datetime(2021, 7, 25, 10, tzinfo=UTC),
)
# "Verifying requests from Slack".
SLACK_VECTOR = SignedRequest(
    SLACK,
    b"8f742231b10e8888abcd99yyyzzz85a5",
    b"v0:1531420618:token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    "1531420618",
    datetime.fromtimestamp(1531420618, UTC),
)
# The Python tests of standard-webhooks.
STANDARD_VECTOR = SignedRequest(
    STANDARD,
    base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}',
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "1614265330",
    datetime.fromtimestamp(1614265330, UTC),
)
VECTORS = pytest.mark.parametrize(
    "vector",
    [ZENDESK_VECTOR, SLACK_VECTOR, STANDARD_VECTOR],
    ids=["zendesk", "slack", "standard-webhooks"],
)


def verify(request: SignedRequest, age: timedelta = timedelta(seconds=1)) -> None:
    verify_signature(
        request.scheme,
        secrets=[b"the next secret", request.secret],
        signed=request.signed,
        signature=request.signature,
        timestamp=request.timestamp,
        now=request.signed_at + age,
    )


@VECTORS
def test_published_signature_is_accepted(vector: SignedRequest) -> None:
    verify(vector)


@VECTORS
def test_sign_gives_the_published_signature(vector: SignedRequest) -> None:
    assert vector.scheme.sign(vector.secret, vector.signed) == vector.signature


@VECTORS
def test_signature_is_refused_for_another_body_secret_or_signature(vector: SignedRequest) -> None:
    for changed in (
        replace(vector, signed=vector.signed + b" "),
        replace(vector, secret=b"a guess"),
        replace(vector, signature=vector.signature.swapcase()),
        replace(vector, signature=vector.signature[:-2]),
        replace(vector, signature=""),
        replace(vector, signature="\xe9"),
    ):
        with pytest.raises(BadSignatureError):
            verify(changed)


def test_signature_without_its_prefix_is_refused() -> None:
    with pytest.raises(BadSignatureError):
        verify(replace(SLACK_VECTOR, signature=SLACK_VECTOR.signature.removeprefix("v0=")))


@VECTORS
def test_empty_secret_accepts_no_signature(vector: SignedRequest) -> None:
    signature = vector.scheme.sign(b"", vector.signed)
    with pytest.raises(BadSignatureError):
        verify(replace(vector, secret=b"", signature=signature))


@VECTORS
def test_secret_is_accepted_until_it_is_removed(vector: SignedRequest) -> None:
    def verify_by(*secrets: bytes) -> None:
        verify_signature(
            vector.scheme,
            secrets=secrets,
            signed=vector.signed,
            signature=vector.signature,
            timestamp=vector.timestamp,
            now=vector.signed_at,
        )

    for secrets in ((vector.secret, b"old"), (b"new", vector.secret)):
        verify_by(*secrets)
    without: tuple[tuple[bytes, ...], ...] = ((b"new",), ())
    for others in without:
        with pytest.raises(BadSignatureError):
            verify_by(*others)


@VECTORS
def test_right_signature_is_accepted_within_the_tolerance_only(vector: SignedRequest) -> None:
    late = TOLERANCE + timedelta(seconds=1)
    for age in (TOLERANCE, -TOLERANCE):
        verify(vector, age)
    for age in (late, -late):
        with pytest.raises(StaleRequestError):
            verify(vector, age)


@pytest.mark.parametrize(
    ("vector", "timestamp"),
    [
        (ZENDESK_VECTOR, "yesterday"),
        (ZENDESK_VECTOR, "2021-07-25T10:00:00"),
        (ZENDESK_VECTOR, ""),
        (SLACK_VECTOR, "soon"),
        (SLACK_VECTOR, "9" * 30),
        (SLACK_VECTOR, ""),
    ],
)
def test_unreadable_timestamp_is_refused(vector: SignedRequest, timestamp: str) -> None:
    with pytest.raises(BadSignatureError):
        verify(replace(vector, timestamp=timestamp))


def test_single_matching_signature_among_several_is_enough() -> None:
    other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    second_version = "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
    valid = STANDARD_VECTOR.signature
    verify(replace(STANDARD_VECTOR, signature=f"{other} {second_version} {valid} {other}"))
    with pytest.raises(BadSignatureError):
        verify(replace(STANDARD_VECTOR, signature=f"{other} {second_version}"))


def test_thousands_of_signatures_cost_one_digest_of_the_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before any key is checked."""
    digests = 0
    sign = SignatureScheme.sign

    def count(self: SignatureScheme, secret: bytes, signed: bytes) -> str:
        nonlocal digests
        digests += 1
        return sign(self, secret, signed)

    monkeypatch.setattr(SignatureScheme, "sign", count)
    with pytest.raises(BadSignatureError):
        verify_signature(
            SignatureScheme("hex", "unix", separator=","),
            secrets=[b"new", b"old"],
            signed=b"body",
            signature="0," * 10_000,
            timestamp="0",
            now=datetime(2026, 3, 2, tzinfo=UTC),
        )
    assert digests == 2
