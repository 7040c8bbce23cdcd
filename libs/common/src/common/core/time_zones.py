"""The names of time zones, as IANA keeps them."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def require_iana_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    # A name may also be a folder of zones, or a path outside of them.
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone") from None
    return name


TimeZone = Annotated[str, AfterValidator(require_iana_zone)]
