"""Addresses of the internet, and networks that settings name."""

import pytest

from common.core.networks import is_listed, is_public, read_address, read_networks


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_inward_address_is_not_called(address: str) -> None:
    assert not is_public(read_address(address))


@pytest.mark.parametrize("address", ["142.250.1.1", "2a00:1450:4001::1", "::ffff:142.250.1.1"])
def test_address_in_the_internet_is_called(address: str) -> None:
    assert is_public(read_address(address))


def test_networks_of_the_settings_may_be_inward() -> None:
    networks = read_networks("10.8.0.0/16, ::1")
    assert is_listed(read_address("10.8.7.1"), networks)
    assert is_listed(read_address("::ffff:10.8.7.1"), networks)
    assert is_listed(read_address("::1"), networks)
    assert not is_listed(read_address("10.9.0.1"), networks)
    assert read_networks("") == ()


@pytest.mark.parametrize("text", ["10.8.0.0/33", "intranet", "10.8.0.1/16"])
def test_network_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits"):
        read_networks(text)
