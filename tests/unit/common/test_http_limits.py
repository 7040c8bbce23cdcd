"""Who counts as one client, and how much memory the counts take."""

import pytest

from common.http.limits import ConnectionLimiter, HttpLimits, TrustedProxies, WrongKeyLimiter
from common.http.limits import client_of as client


@pytest.mark.parametrize(
    ("address", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("made up", "x" * 10_000, True),
    ],
)
def test_client_is_an_address_or_a_network_of_ipv6(address: str, other: str, *, same: bool) -> None:
    assert (client(address) == client(other)) is same


def test_connections_that_end_leave_nothing_behind() -> None:
    limiter = ConnectionLimiter(HttpLimits(connections_per_client=1), TrustedProxies())
    for number in range(1000):
        address = f"10.0.{number // 250}.{number % 250}"
        assert limiter.admit(address)
        assert not limiter.admit(address)
        limiter.release(address)
    assert not limiter._open


def test_clients_with_wrong_keys_take_bounded_memory() -> None:
    limiter = WrongKeyLimiter(burst=1, per_second=0)
    for number in range(20_000):
        limiter.take(f"10.{number // 62_500}.{number // 250 % 250}.{number % 250}")
    assert len(limiter._buckets) == 10_000
    assert not limiter.take("10.0.79.249")


def test_bucket_of_a_client_fills_again() -> None:
    limiter = WrongKeyLimiter(burst=2, per_second=1e9)
    assert all(limiter.take("192.0.2.1") for _ in range(1000))
