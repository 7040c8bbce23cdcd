"""`If-Match` and `If-None-Match`: a thing is changed only if it is as the caller believes."""

import re
from collections.abc import Container
from typing import Annotated, Final

from fastapi import Depends, Header

from common.core.preconditions import Precondition
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


async def _precondition(
    versions: IfMatch,
    if_none_match: Annotated[
        str | None, Header(max_length=200, description="`*`: there must be none yet")
    ] = None,
) -> Precondition:
    if if_none_match is not None and if_none_match.strip() != "*":
        raise invalid(("header/if-none-match", "Send *, or leave it out."))
    return Precondition(versions, is_new=if_none_match is not None)


WritePrecondition = Annotated[Precondition, Depends(_precondition)]


def etag(version: int) -> str:
    return f'"{version}"'
