"""What OpenAPI says of intake's routes and fields."""

from typing import Any

import httpx
import pytest

from intake.api import schemas


@pytest.fixture
async def document(api: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.get("/openapi.json")).json()
    return answer


async def test_openapi_describes_every_field(document: dict[str, Any]) -> None:
    bare = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        if hasattr(schemas, name)
        for field, definition in schema.get("properties", {}).items()
        if not definition.get("description")
    ]
    assert not bare


async def test_openapi_describes_every_route(document: dict[str, Any]) -> None:
    bare = [
        f"{method} {path}"
        for path, methods in document["paths"].items()
        if path.startswith(("/v1/contacts", "/v1/channels"))
        for method, operation in methods.items()
        if not operation.get("description")
    ]
    assert not bare


async def test_openapi_describes_the_options_of_every_kind_of_channel(
    document: dict[str, Any],
) -> None:
    options = document["components"]["schemas"]["ConnectionIn"]["properties"]["options"]
    assert [kind["title"] for kind in options["anyOf"]] == ["ZendeskOptions"]
    fields = options["anyOf"][0]["properties"].values()
    assert all(field["description"] for field in fields)
