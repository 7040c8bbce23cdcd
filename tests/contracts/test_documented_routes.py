"""Every route that a document names, as `POST /v1/contacts`, exists in a service.

Decision records may name routes that are gone.
"""

import re
from pathlib import Path

import pytest

from common.contracts.services import EVENT_SERVICES
from support.openapi import document_of

ROOT = Path(__file__).parents[2]
NAMED_ROUTE = re.compile(
    r"`((?:GET|PUT|POST|DELETE)(?:\|(?:GET|PUT|POST|DELETE))*) (?:/v1)?(/[^\s`?]+)"
)
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "services/*/*.md", "libs/*/*.md")
    for path in ROOT.glob(pattern)
    if NAMED_ROUTE.search(path.read_text())
)


def _routes(service: str) -> set[tuple[str, str]]:
    return {
        (method.upper(), _shape(path.removeprefix("/v1")))
        for path, methods in document_of(service)["paths"].items()
        for method in methods
    }


def _shape(path: str) -> str:
    """Return the path without the names of its parameters."""
    return re.sub(r"\{[^}]*\}", "{}", path)


ROUTES = set[tuple[str, str]]().union(*map(_routes, EVENT_SERVICES))


def _exists(method: str, path: str) -> bool:
    """A document may name a value for a parameter, or a parameter for all words there."""
    parts = _shape(path).split("/")
    return any(
        method == routed
        and len(parts) == len(shape.split("/"))
        and all(
            a in (b, "…", "{}") or b == "{}" for a, b in zip(parts, shape.split("/"), strict=True)
        )
        for routed, shape in ROUTES
    )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documented_route_exists(name: str) -> None:
    unknown = [
        f"{method} {path}"
        for methods, path in NAMED_ROUTE.findall((ROOT / name).read_text())
        for method in methods.split("|")
        if not _exists(method, path)
    ]
    assert not unknown
