"""Stored secrets can be read with the keys of the environment only, and keys can be changed."""

import pytest
from typer.testing import CliRunner

from common.__main__ import cli
from common.core.sealed_secrets import EncryptionKeys, SecretBox, UnknownEncryptionKeyError


def new_key() -> str:
    return CliRunner().invoke(cli, ["encryption-key"]).stdout.strip()


def test_secret_is_not_in_its_sealed_form_and_comes_back() -> None:
    box = SecretBox(new_key())
    sealed = box.seal("s\u00e9cret of acme")
    assert "acme" not in sealed
    assert box.open(sealed) == "s\u00e9cret of acme"
    assert box.seal("s\u00e9cret of acme") != sealed


def test_secret_of_another_key_or_a_changed_one_is_refused() -> None:
    sealed = SecretBox(new_key()).seal("a secret")
    box = SecretBox(new_key())
    for text in (sealed, "", "a secret", box.seal("x")[:-4]):
        with pytest.raises(UnknownEncryptionKeyError):
            box.open(text)
        with pytest.raises(UnknownEncryptionKeyError):
            box.reseal(text)


def test_old_key_is_not_needed_after_resealing() -> None:
    old, new = new_key(), new_key()
    sealed = SecretBox(old).seal("a secret")
    resealed = EncryptionKeys(f"{new},\n{old}").secret_box().reseal(sealed)
    assert SecretBox(new).open(resealed) == "a secret"
    with pytest.raises(UnknownEncryptionKeyError):
        SecretBox(old).open(resealed)


KEY = f"{'K' * 43}="


@pytest.mark.parametrize("keys", ["", "short", KEY[:-2], f"{KEY},x"])
def test_wrong_keys_are_refused(keys: str) -> None:
    with pytest.raises(ValueError, match=r"^has (no key|a key that)"):
        EncryptionKeys(keys).secret_box()
