"""API keys: who calls, and that a list with a mistake in it is not taken."""

import pytest

from common.http.access import ApiKeys, Principal


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
def test_key_gives_its_principal(listed: str, key: str, principal: Principal | None) -> None:
    assert ApiKeys(listed).principal(key) == principal


@pytest.mark.parametrize(
    "listed", ["k", "admin:k", "admin::k", "admin:ops:", "boss:ops:k", "admin:ops:k,x", ":::"]
)
def test_malformed_key_list_is_refused_without_showing_a_key(listed: str) -> None:
    with pytest.raises(ValueError, match="must be role:subject:key") as refused:
        ApiKeys(listed)
    assert "k," not in str(refused.value)
