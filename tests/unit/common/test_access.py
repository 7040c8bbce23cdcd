"""API keys: who calls, and that a list with a mistake in it is not taken."""

import pytest

from common.http.access import ApiKeys, Principal
from common.storage.api_keys import key_id, make_key, parse_key_list


@pytest.mark.parametrize(
    ("listed", "key", "principal"),
    [
        ("admin:ops:k", "k", Principal("admin", "ops")),
        (" channel:zendesk:k1 , manager:p-1:k2,", "k2", Principal("manager", "p-1")),
        ("admin:ops:k:with:colons", "k:with:colons", Principal("admin", "ops")),
        ("admin:ops:k", "K", None),
        ("admin:ops:k", "", None),
        ("admin:ops:k", "ä\x00", None),
        ("", "", None),
    ],
)
async def test_key_gives_its_principal(listed: str, key: str, principal: Principal | None) -> None:
    assert await ApiKeys(parse_key_list(listed)).find(key) == principal


@pytest.mark.parametrize(
    "listed", ["k", "admin:k", "admin::k", "admin:ops:", "boss:ops:k", "admin:ops:k,x", ":::"]
)
def test_malformed_key_list_is_refused_without_showing_a_key(listed: str) -> None:
    with pytest.raises(ValueError, match="must be role:subject:key") as refused:
        parse_key_list(listed)
    assert "k," not in str(refused.value)


@pytest.mark.parametrize(
    "listed",
    [
        "supervisor:sara:k3y,admin:ops:k3y",
        "admin:ops:k3y\nadmin:ops:k3y",
        "admin:a:k3y,,admin:b:k3y",
    ],
)
def test_repeated_key_is_refused_without_showing_it(listed: str) -> None:
    with pytest.raises(ValueError, match="have the same key") as refused:
        parse_key_list(listed)
    assert "k3y" not in str(refused.value)


@pytest.mark.parametrize("subject", ["a b", "a\x00", "channel/shop", "a" * 101, "\u202eops"])
def test_subject_must_be_an_id(subject: str) -> None:
    with pytest.raises(ValueError, match="must be role:subject:key"):
        parse_key_list(f"admin:{subject}:key")


def test_id_of_a_key_is_in_it() -> None:
    key = make_key()
    assert key.split("_", 2)[:2] == ["ups", key_id(key)]
    assert len(key_id("of another form")) == len(key_id(key))
