"""A time zone means the same on every host."""

import pytest
from pydantic import TypeAdapter, ValidationError

from common.core.time_zones import TimeZone

ZONE = TypeAdapter[str](TimeZone)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/Argentina/Ushuaia", "UTC", "Asia/Kolkata"]
)
def test_zone_of_iana_is_a_time_zone(name: str) -> None:
    assert ZONE.validate_python(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("localtime", "posixrules", "Factory", "posix/Europe/Berlin", "right/Europe/Berlin"),
        *("", "Europe", "europe/berlin", "Mars/Olympus", "../UTC", "/etc/localtime", "tzdata.zi"),
    ],
)
def test_name_that_depends_on_the_host_or_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="must be a time zone of IANA"):
        ZONE.validate_python(name)
