"""Secrets in the settings: from files, weak ones refused, and none shown."""

import os
import secrets
from pathlib import Path

import pytest
from pydantic import SecretStr

from common.service.settings import (
    ApiKeyList,
    ServiceSettings,
    SigningSecrets,
    read_settings,
    require_strong_secrets,
    weak_secrets,
)

STRONG = "postgresql+asyncpg://upstairs:k7Qx9_2mPz@localhost/db"


class Settings(ServiceSettings):
    signing: SigningSecrets = SigningSecrets("")
    token: SecretStr = SecretStr("")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("UPSTAIRS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UPSTAIRS_DATABASE_URL", STRONG)
    monkeypatch.setenv("UPSTAIRS_KAFKA_BOOTSTRAP", "unused")
    return monkeypatch


def test_secret_is_read_from_a_file_without_its_last_line_break(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    contents = {
        "SIGNING": "new\nold\n",
        "TOKEN": " spaces stay \r\n",
        "API_KEYS": "admin:ops:one\nchannel:shop:two\n",
        "DATABASE_URL": STRONG.replace("localhost", "file") + "\n",
    }
    environment.delenv("UPSTAIRS_DATABASE_URL")
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content.encode())
        environment.setenv(f"UPSTAIRS_{name}_FILE", str(tmp_path / name))
    settings = read_settings(Settings)
    assert settings.signing.all == ("new", "old")
    assert settings.token.get_secret_value() == " spaces stay "
    assert [entry.key for entry in settings.api_keys.entries] == ["one", "two"]
    assert settings.database_url.hosts()[0]["host"] == "file"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"TOKEN": "s3cret", "TOKEN_FILE": "/dev/null"}, "are both set"),
        ({"TOKEN": "", "TOKEN_FILE": "/dev/null"}, "are both set"),
        ({"TOKEN_FILE": "/nowhere"}, "UPSTAIRS_TOKEN_FILE: the file can't be read"),
        ({"API_KEYS": "admin:ops:s3cret,admin:ops2:s3cret"}, "have the same key"),
        ({"API_KEYS": "admin:ops"}, "must be role:subject:key"),
    ],
)
def test_wrong_settings_end_the_process_without_showing_a_secret(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    message: str,
) -> None:
    for name, value in variables.items():
        environment.setenv(f"UPSTAIRS_{name}", value)
    with pytest.raises(SystemExit, match="2"):
        read_settings(Settings)
    printed = capsys.readouterr().err
    assert message in printed
    assert "s3cret" not in printed


@pytest.mark.parametrize(
    ("name", "value", "place"),
    [
        ("SIGNING", "x", "UPSTAIRS_SIGNING, secret 1"),
        ("SIGNING", "5f0c9a31e7d2b846d1f4c07ea2953b68,x", "UPSTAIRS_SIGNING, secret 2"),
        ("TOKEN", "dev-only-token", "UPSTAIRS_TOKEN"),
        ("TOKEN", "x", "UPSTAIRS_TOKEN"),
        ("API_KEYS", "admin:ops:k", "UPSTAIRS_API_KEYS, key of admin:ops"),
        ("DATABASE_URL", STRONG.replace("k7Qx9_2mPz", "local"), "UPSTAIRS_DATABASE_URL, password"),
        ("DATABASE_URL", STRONG.replace("k7Qx9_2mPz", "dev%2Donly-x"), "UPSTAIRS_DATABASE_URL"),
    ],
)
def test_weak_secret_is_refused_except_in_a_trial(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    place: str,
) -> None:
    environment.setenv(f"UPSTAIRS_{name}", value)
    with pytest.raises(SystemExit, match="2"):
        require_strong_secrets(read_settings(Settings))
    printed = capsys.readouterr().err
    assert f"  {place}" in printed
    assert value not in printed
    environment.setenv("UPSTAIRS_TRIAL", "true")
    require_strong_secrets(read_settings(Settings))


@pytest.mark.parametrize("name", ["DATABASE_URL", "MIGRATION_URL"])
def test_service_does_not_start_with_the_role_that_owns_the_tables(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    environment.setenv(f"UPSTAIRS_{name}", STRONG.replace("upstairs:", "upstairs_intake_owner:"))
    with pytest.raises(SystemExit, match="2"):
        require_strong_secrets(read_settings(Settings))
    assert f"UPSTAIRS_{name}: " in capsys.readouterr().err


def test_strong_and_absent_secrets_are_accepted(environment: pytest.MonkeyPatch) -> None:
    require_strong_secrets(read_settings(Settings))
    environment.setenv("UPSTAIRS_SIGNING", f"{secrets.token_hex(16)},{secrets.token_urlsafe(32)}")
    environment.setenv("UPSTAIRS_TOKEN", secrets.token_urlsafe(9))
    environment.setenv("UPSTAIRS_API_KEYS", f"admin:ops:{secrets.token_urlsafe(32)}")
    settings = read_settings(Settings)
    require_strong_secrets(settings)
    assert list(weak_secrets(settings)) == []
    assert "ops" not in repr(settings)
    assert isinstance(settings.api_keys, ApiKeyList)
