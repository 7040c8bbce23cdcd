"""`If-Match` and `If-None-Match`: a thing is changed only if it is as the caller has read it."""

import re
from collections.abc import Container
from typing import Annotated, Final

from fastapi import Depends, Header

from common.http.problems import invalid

_ETAGS: Final = re.compile(r'(W/)?"\d{1,9}"( *, *(W/)?"\d{1,9}")*')
_IF_MATCH_FORM: Final = 'Send the ETag that you have read, for example "3", or *.'


class AnyVersion:
    """Holds every version of what exists, as `If-Match: *` asks."""

    def __contains__(self, version: object) -> bool:
        return True


async def _if_match(
    if_match: Annotated[
        str | None, Header(max_length=200, description="the ETag that you have read")
    ] = None,
) -> Container[int] | None:
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return AnyVersion()
    if not _ETAGS.fullmatch(if_match):
        raise invalid(("header/if-match", _IF_MATCH_FORM))
    tags = (tag.strip().removeprefix("W/") for tag in if_match.split(","))
    return frozenset(int(tag.strip('"')) for tag in tags)


# The versions that the caller accepts; None accepts any, and a new thing too.
IfMatch = Annotated[Container[int] | None, Depends(_if_match)]


async def _if_none_match(
    if_none_match: Annotated[
        str | None, Header(max_length=200, description="`*`: only if there is none yet")
    ] = None,
) -> bool:
    if if_none_match is None:
        return False
    if if_none_match.strip() != "*":
        raise invalid(("header/if-none-match", "Send *, or leave it out."))
    return True


# Whether the caller wants to make a new thing only.
OnlyNew = Annotated[bool, Depends(_if_none_match)]


def etag(version: int) -> str:
    return f'"{version}"'
