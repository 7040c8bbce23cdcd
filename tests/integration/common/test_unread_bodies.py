"""A POST or DELETE without fields takes no body but `{}`: nothing that is sent is ignored."""

import re

import httpx
import pytest

from common.contracts.services import EVENT_SERVICES
from common.core.ids import new_id
from integration.common.service_apis import open_api
from support.databases import Postgres
from support.openapi import document_of

# Their routes read the body themselves.
_RAW = ("/v1/channels/", "/v1/acknowledgements/", "/v1/callbacks/", "/v1/mail-stops/")


_VALUES = {
    "key_id": "0123456789ab",
    "letter_id": "1",
    "customer_id": "c-81",
    "source": "channel:shop",
    "kind": "zendesk",
    "connection": "acme",
    "medium": "slack",
    "scope": "topic",
    "reason": "raised",
    "language": "en",
    "version": "1",
}


def operations_without_fields(service: str) -> list[tuple[str, str]]:
    return [
        (method, re.sub(r"{(\w+)}", lambda name: _VALUES.get(name[1], new_id()), path))
        for path, operations in document_of(service)["paths"].items()
        for method, operation in operations.items()
        if method in ("post", "put", "delete")
        and "requestBody" not in operation
        and not path.startswith(_RAW)
    ]


@pytest.mark.parametrize("service", EVENT_SERVICES)
async def test_body_that_no_route_reads_is_refused(
    postgres: Postgres, database_name: str, service: str
) -> None:
    operations = operations_without_fields(service)
    assert operations
    async with open_api(postgres, database_name, service) as api:
        for method, path in operations:
            refused = await send(api, method, path, b'{"reason": "x"}')
            assert problem(refused) == (422, "invalid"), (method, path)
            (error,) = refused.json()["errors"]
            assert error["pointer"] == "body/reason"
            assert problem(await send(api, method, path, b"[]")) == (422, "invalid")
            assert problem(await send(api, method, path, b"{")) == (400, "malformed-json")
            without = await send(api, method, path, b"")
            empty = await send(api, method, path, b" {}\n")
            assert empty.status_code == without.status_code, (method, path)


async def send(api: httpx.AsyncClient, method: str, path: str, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return await api.request(method, path, content=body, headers=headers)


def problem(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].removeprefix("urn:upstairs:problem:")
