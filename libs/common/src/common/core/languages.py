"""Languages of contacts, representatives and policies: tags of BCP 47, and which of them match."""

from functools import lru_cache
from typing import Final

import langcodes

# A language that nobody said, or that can't be read. BCP 47 has this tag for it.
UNDETERMINED: Final = "und"

LONGEST_TAG: Final = 35
# The distance of two regions of one language, by the data of Unicode: `pt-BR` and `pt-PT`.
_REGIONS_DISTANCE: Final = 5


@lru_cache(maxsize=1024)
def parse_language(text: str) -> str:
    """Return the tag as BCP 47 writes it: `pt-BR` for `pt_br`, `en` for `eng`.

    Raises ValueError for what is no language.
    """
    if len(text) > LONGEST_TAG or not langcodes.tag_is_valid(text):
        raise ValueError("must be a language as BCP 47 writes it, for example `en` or `pt-BR`")
    return langcodes.standardize_tag(text)


def read_language(text: str | None) -> str:
    """Return the tag, or `und` for what is no language: a channel's word must not lose a contact.

    Use it for what outside systems send. Those of Unix add an encoding: `pt_BR.UTF-8`.
    """
    tag = (text or UNDETERMINED).partition(".")[0]
    try:
        return parse_language(tag.strip())
    except ValueError:
        return UNDETERMINED


@lru_cache(maxsize=65_536)
def language_distance(wanted: str, spoken: str) -> int | None:
    """Return how far apart two tags are, 0 for the closest; None if they do not match.

    A language matches its own regions and scripts: `pt` and `pt-BR`, `zh` and `zh-Hant-TW`. Two
    regions of one language match too, but are further apart: `pt-PT` and `pt-BR`. Two scripts of
    Chinese do not match: `zh-TW` and `zh-CN`.
    """
    if _extends(wanted, spoken) or _extends(spoken, wanted):
        return 0
    distance = langcodes.tag_distance(wanted, spoken)
    return distance if distance <= _REGIONS_DISTANCE else None


def _extends(tag: str, other: str) -> bool:
    return tag == other or tag.startswith(f"{other}-")
