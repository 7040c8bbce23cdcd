"""OpenAPI describes the options of channels; tests/contracts/test_openapi.py has the rest."""

from typing import Any

import httpx
import pytest


@pytest.fixture
async def document(api: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.get("/openapi.json")).json()
    return answer


async def test_openapi_describes_the_options_of_every_kind_of_channel(
    document: dict[str, Any],
) -> None:
    options = document["components"]["schemas"]["ConnectionIn"]["properties"]["options"]
    assert [kind["title"] for kind in options["anyOf"]] == ["ZendeskOptions"]
    fields = options["anyOf"][0]["properties"].values()
    assert all(field["description"] for field in fields)
