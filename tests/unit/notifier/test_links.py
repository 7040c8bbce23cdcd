from datetime import timedelta
from typing import get_args

import pytest
from itsdangerous import URLSafeTimedSerializer

from common.contracts.event import PersonId
from common.core.clock import TimeSource
from notifier.links import Capability, ExpiredLinkError, ForgedLinkError, Links, Purpose
from unit.notifier.examples import ID

NOW = TimeSource().utc_now()
LINKS = Links("secret", "https://up.example.com/", timedelta(hours=24))
TOKEN = LINKS.token(ID, "acknowledge", 3)


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_token_stands_for_one_purpose_with_its_notification(purpose: Purpose) -> None:
    token = LINKS.token(ID, purpose, 3)
    assert LINKS.read(token, NOW) == Capability(ID, purpose, 3)
    assert LINKS.url(ID, purpose, 3) == f"https://up.example.com/v1/acknowledgements/{token}"


def test_token_with_another_signature_is_forged() -> None:
    other = Links("another secret", "", timedelta(hours=24)).token(ID, "acknowledge", 3)
    for forged in ("", "x", TOKEN + "x", TOKEN[:-1], "x" + TOKEN, other, "é", "\x00", "." + TOKEN):
        with pytest.raises(ForgedLinkError):
            LINKS.read(forged, NOW)


@pytest.mark.parametrize(
    "claims",
    [ID, [ID], [ID, "resolve", 1], ["a\x00b", "show", 1], [ID, "show", None], {"id": ID}, None],
)
def test_signed_token_with_other_claims_is_forged(claims: object) -> None:
    token = URLSafeTimedSerializer("secret", salt="notification").dumps(claims)
    with pytest.raises(ForgedLinkError):
        LINKS.read(str(token), NOW)


def test_token_is_valid_until_its_secret_is_removed() -> None:
    def links(secret: str) -> Links:
        return Links(secret, "", timedelta(hours=24))

    token = links("old").token(ID, "show", 3)
    assert links("new,old").read(token, NOW).notification_id == ID
    current = links("new,old").token(ID, "show", 3)
    assert links("new").read(current, NOW).notification_id == ID
    for without in ("new", "new,other", "n,e,w,o,l,d"):
        with pytest.raises(ForgedLinkError):
            links(without).read(token, NOW)


def test_token_expires() -> None:
    assert LINKS.read(TOKEN, NOW + timedelta(hours=23)).notification_id == ID
    with pytest.raises(ExpiredLinkError):
        LINKS.read(TOKEN, NOW + timedelta(hours=25))


def test_token_of_any_age_says_what_it_is_about_but_not_a_forged_one() -> None:
    assert LINKS.notification_of(TOKEN) == ID
    assert LINKS.notification_of(f"{TOKEN}x") is None
    stop = LINKS.mail_stop_url(PersonId("dana"), "coaching", 1).rpartition("/")[2]
    assert LINKS.reader_of_mail_stop(stop) == "dana"
    assert LINKS.reader_of_mail_stop(TOKEN) is None
    assert LINKS.notification_of(stop) is None
