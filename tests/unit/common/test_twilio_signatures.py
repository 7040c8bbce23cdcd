"""Signatures of Twilio's own library, and the forms of an address."""

import pytest

from common.http.twilio_signatures import signed_fields, verify, with_and_without_port
from common.http.webhooks import BadSignatureError

URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
TWICE = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
SIGNATURE = "IK+Dwps556ElfBT0I3Rgjkr1wJU="


@pytest.mark.parametrize("fields", [TWICE, TWICE[::-1], [*TWICE, ("Digits", "1234")]])
def test_field_that_comes_twice_counts_once_for_each_value(fields: list[tuple[str, str]]) -> None:
    verify([b"other", b"12345"], [URL], signed_fields(fields), SIGNATURE)


@pytest.mark.parametrize("secrets", [[], [b""], [b"other"]])
def test_signature_by_no_secret_is_refused(secrets: list[bytes]) -> None:
    with pytest.raises(BadSignatureError):
        verify(secrets, [URL], signed_fields(TWICE), SIGNATURE)


@pytest.mark.parametrize(
    ("url", "forms"),
    [
        ("https://a.example/x?b=1", ["https://a.example/x?b=1", "https://a.example:443/x?b=1"]),
        ("http://a.example:80/x", ["http://a.example:80/x", "http://a.example/x"]),
    ],
)
def test_address_has_a_form_with_and_one_without_port(url: str, forms: list[str]) -> None:
    assert [*with_and_without_port(url)] == forms
