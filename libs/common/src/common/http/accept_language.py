"""Which language a browser asks for."""

import re
from collections.abc import Collection
from operator import itemgetter
from typing import Final

_WEIGHT: Final = re.compile(r"q=([01](?:\.[0-9]{0,3})?)")


def preferred_language(header: str, available: Collection[str]) -> str | None:
    """Return the one that an Accept-Language likes best (RFC 9110, 12.5.4); None: none of them."""
    weighted = []
    for entry in header.split(","):
        tag, _, parameters = entry.partition(";")
        language, weight = tag.partition("-")[0].strip().lower(), _weight(parameters.strip())
        if language in available and weight > 0:
            weighted.append((language, weight))
    return max(weighted, key=itemgetter(1), default=(None, 0.0))[0]


def _weight(parameters: str) -> float:
    if not parameters:
        return 1.0
    match = _WEIGHT.fullmatch(parameters.lower())
    return float(match[1]) if match else 0.0
