"""Examples in OpenAPI documents."""

from collections.abc import Mapping
from typing import Any


def examples_of(media: Mapping[str, Any]) -> list[Any]:
    """Return the examples that OpenAPI has of a body or an answer."""
    if "example" in media:
        return [media["example"]]
    return [each["value"] for each in media.get("examples", {}).values()]
