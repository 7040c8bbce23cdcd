"""The console does not start with settings by which strangers could sign in."""

from typing import Any

import pytest
from pydantic import ValidationError

from console.settings import Settings

URL = "postgresql+asyncpg://role@localhost/db"


def make_settings(**changes: Any) -> Settings:
    return Settings.model_validate({"database_url": URL, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"http_host": "10.0.0.1"},
        {"http_host": "192.168.1.4"},
        {"http_host": "console.example.com"},
        {"public_url": "https://console.example.com"},
    ],
)
def test_development_sign_in_is_refused_on_other_addresses(changes: dict[str, str]) -> None:
    make_settings(**changes)
    with pytest.raises(ValidationError, match="UPSTAIRS_CONSOLE_DEV_LOGIN"):
        make_settings(console_dev_login=True, **changes)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_development_sign_in_is_admitted_on_loopback(host: str) -> None:
    assert make_settings(http_host=host, console_dev_login=True).console_dev_login


@pytest.mark.parametrize(
    "url",
    ["http://console.example.com", "console.example.com", "https://x.example/path", "ftp://x"],
)
def test_public_url_must_protect_the_cookie(url: str) -> None:
    with pytest.raises(ValidationError, match="public_url"):
        make_settings(public_url=url)


def test_public_url_has_no_slash_at_its_end() -> None:
    assert make_settings(public_url="https://x.example/").public_url == "https://x.example"


PROVIDER: dict[str, Any] = {
    "oidc_issuer": "https://id.example.com",
    "oidc_client_id": "console",
    "oidc_client_secret": "of the client",
    "oidc_roles": {"leads": "supervisor"},
    "cookie_secret": "x" * 40,
}


@pytest.mark.parametrize("missing", PROVIDER)
def test_half_of_the_settings_of_a_provider_is_refused_with_what_is_missing(missing: str) -> None:
    make_settings(**PROVIDER)
    half = {name: value for name, value in PROVIDER.items() if name != missing}
    with pytest.raises(ValidationError, match=rf"also needs UPSTAIRS_{missing.upper()}\b"):
        make_settings(**half)


def test_roles_of_groups_may_be_set_before_there_is_a_provider() -> None:
    assert not make_settings(oidc_roles=PROVIDER["oidc_roles"]).oidc_issuer


def test_provider_without_encryption_is_refused() -> None:
    with pytest.raises(ValidationError, match="https"):
        make_settings(**PROVIDER | {"oidc_issuer": "http://id.example.com"})


def test_role_of_a_group_is_one_of_people() -> None:
    with pytest.raises(ValidationError, match="oidc_roles"):
        make_settings(oidc_roles={"root": "admin"})


@pytest.mark.parametrize("name", ["public_url", "router_url", "oidc_issuer"])
@pytest.mark.parametrize("port", ["99999", "abc", "0"])
def test_url_with_a_wrong_port_is_refused_before_the_start(name: str, port: str) -> None:
    with pytest.raises(ValidationError, match=rf"{name}\n.*[Pp]ort"):
        make_settings(**{name: f"https://x.example:{port}"})


def test_audience_without_characters_is_refused() -> None:
    with pytest.raises(ValidationError, match="token_audience"):
        make_settings(token_audience="")
