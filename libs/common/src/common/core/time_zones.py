"""The names of time zones, as IANA keeps them."""

import zoneinfo
from functools import cache
from typing import Annotated, Final

from pydantic import AfterValidator

# Files beside the zones: what they mean differs from host to host, or is nothing.
_NO_ZONES: Final = frozenset(("Factory", "localtime", "posixrules"))


def require_iana_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("must be a time zone of IANA, for example Europe/Berlin")
    return name


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NO_ZONES


TimeZone = Annotated[str, AfterValidator(require_iana_zone)]
