"""Zendesk's signature, as documented."""

from datetime import UTC, datetime, timedelta

import pytest

from common.http.webhooks import BadSignatureError, StaleRequestError
from intake.channels.base import WebhookRequest
from intake.channels.zendesk import Zendesk
from intake.domain.model import ChannelConnection

# A vector whose three parts Zendesk's own examples give; recomputed by hand.
SECRET = "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA="
SIGNED_AT = "2021-07-25T10:00:00Z"
BODY = b'{"say": "hello"}'
SIGNATURE = "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk="
# An old page signs body + timestamp; that is another signature, and not a valid one.
OLD_PAGE_SIGNATURE = "tRDSF7UR"
NOW = datetime(2021, 7, 25, 10, 0, 1, tzinfo=UTC)


def headers(signature: str = SIGNATURE, signed_at: str = SIGNED_AT) -> dict[str, str]:
    return {
        "x-zendesk-webhook-signature": signature,
        "x-zendesk-webhook-signature-timestamp": signed_at,
    }


def verify(sent: dict[str, str], body: bytes = BODY, now: datetime = NOW) -> None:
    connection = ChannelConnection("acme", "zendesk", SECRET, {})
    Zendesk().verify(connection, WebhookRequest(sent, body), now)


def test_documented_signature_is_accepted() -> None:
    verify(headers())


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (headers(signature=OLD_PAGE_SIGNATURE), BODY),
        (headers(signature=""), BODY),
        (headers(signed_at="2021-07-25T10:00:01Z"), BODY),
        (headers(), BODY + b" "),
        ({}, BODY),
    ],
)
def test_any_other_signature_is_refused(sent: dict[str, str], body: bytes) -> None:
    with pytest.raises(BadSignatureError):
        verify(sent, body)


@pytest.mark.parametrize("away", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_right_signature_of_another_time_is_refused(away: timedelta) -> None:
    with pytest.raises(StaleRequestError):
        verify(headers(), now=NOW + away)
