from datetime import timedelta

import pytest

from common.core.clock import TimeSource
from notifier.links import ExpiredLinkError, ForgedLinkError, Links
from unit.notifier.examples import ID

NOW = TimeSource().utc_now()
LINKS = Links("secret", "https://up.example.com/", timedelta(hours=24))


def test_token_stands_for_its_notification() -> None:
    assert LINKS.read(LINKS.token(ID), NOW) == ID
    assert LINKS.url(ID) == f"https://up.example.com/v1/acknowledgements/{LINKS.token(ID)}"


def test_token_with_another_signature_is_forged() -> None:
    token = LINKS.token(ID)
    other = Links("another secret", "", timedelta(hours=24))
    for forged in ("", "x", token + "x", token[:-1], "x" + token, other.token(ID), "é"):
        with pytest.raises(ForgedLinkError):
            LINKS.read(forged, NOW)


def test_token_is_valid_until_its_secret_is_removed() -> None:
    def links(secret: str) -> Links:
        return Links(secret, "", timedelta(hours=24))

    token = links("old").token(ID)
    assert links("new,old").read(token, NOW) == ID
    assert links("new").read(links("new,old").token(ID), NOW) == ID
    for without in ("new", "new,other", "n,e,w,o,l,d"):
        with pytest.raises(ForgedLinkError):
            links(without).read(token, NOW)


def test_token_expires() -> None:
    token = LINKS.token(ID)
    assert LINKS.read(token, NOW + timedelta(hours=23)) == ID
    with pytest.raises(ExpiredLinkError):
        LINKS.read(token, NOW + timedelta(hours=25))
