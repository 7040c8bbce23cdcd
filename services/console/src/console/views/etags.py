"""The ETag that a form carries, so that nobody overwrites what they have not read."""

import re
from typing import Final

_ETAG: Final = re.compile(r'"[0-9]{1,9}"')


def etag_of(version: int | None) -> str:
    """Return the ETag of a version; empty for a thing without one."""
    return "" if version is None else f'"{version}"'


def read_etag(text: str | None) -> str:
    """Return what a form sent; empty, which no version has, for what is not an ETag of ours."""
    return text if text and _ETAG.fullmatch(text) else ""


def precondition(etag: str) -> dict[str, str]:
    """Return the header of a change of what is at this ETag; an empty one: of what is new."""
    return {"If-Match": etag} if etag else {"If-None-Match": "*"}
