"""Secrets in the settings: from files, weak ones refused, and none shown."""

import base64
import json
import os
import secrets
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from typer.testing import CliRunner

from common.__main__ import cli
from common.contracts.services import EVENT_SERVICES
from common.messaging.signatures import SigningKey
from common.service.settings import (
    ApiKeyList,
    ServiceSettings,
    SigningSecrets,
    read_settings,
    require_strong_secrets,
    weak_secrets,
)

REPOSITORY = Path(__file__).parents[3]
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


@pytest.mark.parametrize(
    "content", [b"s3cret", b"s3cret\n", b"s3cret\r\n", b"s3cret\n\n\n", b"\xef\xbb\xbfs3cret\r\n"]
)
def test_characters_that_editors_add_to_a_file_are_no_part_of_the_secret(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "token").write_bytes(content)
    environment.setenv("UPSTAIRS_TOKEN_FILE", str(tmp_path / "token"))
    assert read_settings(Settings).token.get_secret_value() == "s3cret"


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
        ({"TOKEN_FILE": "/"}, "UPSTAIRS_TOKEN_FILE: the file can't be read"),
        ({"TOKEN_FILE": "/dev/null"}, "UPSTAIRS_TOKEN_FILE: the file is empty."),
        ({"API_KEYS_FILE": "/dev/null"}, "UPSTAIRS_API_KEYS_FILE: the file is empty."),
        ({"EVENT_SIGNING_KEY_FILE": "/dev/null"}, "the file is empty."),
        ({"TOKEN_FILE": "/dev/zero"}, "the file is too large"),
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


@pytest.mark.parametrize(
    "seed",
    [bytes(32), bytes(range(32)), b"signing key of our customer care", b"\xff" * 32],
)
@pytest.mark.parametrize("is_pem", [True, False])
def test_guessable_signing_key_is_refused(
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seed: bytes,
    *,
    is_pem: bool,
) -> None:
    """Who guesses it speaks for the service."""
    pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    text = pem.decode() if is_pem else base64.b64encode(seed).decode()
    environment.setenv("UPSTAIRS_EVENT_SIGNING_KEY", text)
    with pytest.raises(SystemExit, match="2"):
        require_strong_secrets(read_settings(Settings))
    assert "  UPSTAIRS_EVENT_SIGNING_KEY: it" in capsys.readouterr().err
    environment.setenv("UPSTAIRS_EVENT_SIGNING_KEY", SigningKey.generate().seed)
    require_strong_secrets(read_settings(Settings))


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_public_key_is_refused_whose_private_key_is_published(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], service: str
) -> None:
    """Also beside others, as during a rotation: anybody could sign for the service."""
    compose = yaml.safe_load((REPOSITORY / "deploy" / "compose.yaml").read_text())
    environments = [
        each["environment"]
        for each in compose["services"].values()
        if service in str(each.get("image"))
    ]
    (signing_key,) = {each.get("UPSTAIRS_EVENT_SIGNING_KEY") for each in environments} - {None}
    published = SigningKey.parse(signing_key.partition(":-")[2].rstrip("}")).public
    keys = {name: [SigningKey.generate().public] for name in EVENT_SERVICES}
    environment.setenv("UPSTAIRS_EVENT_VERIFICATION_KEYS", json.dumps(keys))
    require_strong_secrets(read_settings(Settings))
    keys[service].append(published)
    environment.setenv("UPSTAIRS_EVENT_VERIFICATION_KEYS", json.dumps(keys))
    with pytest.raises(SystemExit, match="2"):
        require_strong_secrets(read_settings(Settings))
    assert (
        f"EVENT_VERIFICATION_KEYS, key 2 of {service}: it is published" in capsys.readouterr().err
    )


@pytest.mark.parametrize("variable", ["UPSTAIRS_ROLE_PASSWORD", "UPSTAIRS_OWNER_PASSWORD"])
def test_roles_get_no_published_password(variable: str) -> None:
    passwords = {"UPSTAIRS_ROLE_PASSWORD": secrets.token_hex(), "UPSTAIRS_TRIAL": "false"}
    passwords["UPSTAIRS_OWNER_PASSWORD"] = secrets.token_hex()
    refused = CliRunner().invoke(
        cli,
        ["schema", "intake"],
        env={**passwords, variable: "dev-only-owner", "UPSTAIRS_ADMIN_URL": "postgresql://nowhere"},
    )
    assert refused.exit_code == 2
    assert variable in refused.output
    assert "dev-only-owner" not in refused.output


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
