"""Addresses of customers in one form to compare."""

import subprocess
import sys

import pytest

from common.contracts.event import CustomerId, SystemName
from intake.domain.addresses import (
    AddressKind,
    StatedAddress,
    mask,
    normalize_email,
)
from intake.domain.customers import (
    MAX_ADDRESSES,
    CustomerNamespaces,
    CustomerStatement,
    customer_to_join,
)

SHOP = SystemName("channel:shop")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
        (" ada@example.com ", "ada@example.com"),
        ("jörg@MÜLLER.de", "jörg@müller.de"),
        ("jörg@xn--mller-kva.de", "jörg@müller.de"),
        ("ada+shop@example.com", "ada+shop@example.com"),
        ("ada@", None),
        ("ada", None),
        ("", None),
        ("a" * 300 + "@example.com", None),
    ],
)
def test_mail_address_has_one_form(text: str, expected: str | None) -> None:
    assert normalize_email(text) == expected


@pytest.mark.parametrize(
    ("kind", "address", "expected"),
    [
        ("email", "ada@example.com", "a***@example.com"),
        ("email", '"a@b"@example.com', '"***@example.com'),
        ("phone", "+442079460018", "***18"),
    ],
)
def test_masked_address_can_be_recognised_only(
    kind: AddressKind, address: str, expected: str
) -> None:
    assert mask(kind, address) == expected


def test_proof_counts_only_of_a_system_that_proves() -> None:
    stated = (
        StatedAddress("email", "ADA@example.com", verified=True),
        StatedAddress("email", "ada@example.com"),
        StatedAddress("phone", "no number", verified=True),
    )
    customer = CustomerStatement(CustomerId("4711"), stated_addresses=stated)
    for proving in ((), (SHOP,)):
        scoped = CustomerNamespaces({}, proving).scope(SHOP, customer)
        assert scoped.customer_id == "channel:shop:4711"
        assert scoped.addresses == (("email", "ada@example.com", bool(proving)),)


def test_addresses_beyond_the_limit_are_left_out() -> None:
    stated = tuple(StatedAddress("email", f"a{number}@example.com") for number in range(99))
    customer = CustomerStatement(CustomerId("4711"), stated_addresses=stated)
    scoped = CustomerNamespaces({}).scope(SHOP, customer)
    assert len(scoped.addresses) == MAX_ADDRESSES


def test_only_a_new_customer_joins_and_only_one_other() -> None:
    ada, bob = CustomerId("channel:shop:1"), CustomerId("channel:shop:2")
    assert customer_to_join([ada], is_new=True) == ada
    assert customer_to_join([ada], is_new=False) is None
    assert customer_to_join([ada, bob], is_new=True) is None
    assert customer_to_join([], is_new=True) is None


def test_library_of_numbers_is_loaded_only_for_a_number_that_needs_it() -> None:
    program = """
import sys
import intake.main
from common.core.phone_numbers import normalize_phone
assert normalize_phone("+442079460018", None) == "+442079460018"
before = "phonenumbers" in sys.modules
normalize_phone("020 7946 0018", "GB")
print(before, "phonenumbers" in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "True"]
