"""A connection whose row can't be read: it holds up no other, and a manager can put it again."""

import httpx
import pytest

from common.storage.database import Database
from intake.commands.rotate_key import rotate_secrets
from intake.store import UnitOfWork
from integration.intake.harness import ZENDESK_SECRET, key, zendesk_body, zendesk_headers
from support.databases import async_engine

MANAGER = key("admin")
PATH = "/v1/channels/zendesk"


async def put(api: httpx.AsyncClient, name: str, **body: object) -> httpx.Response:
    return await api.put(f"{PATH}/{name}", json=body, headers=MANAGER)


async def spoil(database: Database[UnitOfWork], column: str, value: str) -> None:
    async with async_engine(database).begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE channel_connections SET {column} = '{value}' WHERE connection = 'b'"
        )


@pytest.mark.parametrize(
    ("column", "value"),
    [("secrets", '[{"origin": 7}]'), ("secrets", "7"), ("expected", '{"every_minutes": "often"}')],
)
async def test_row_that_can_not_be_read_holds_up_no_other_and_can_be_put_again(
    api: httpx.AsyncClient, database: Database[UnitOfWork], column: str, value: str
) -> None:
    for name in "abc":
        assert (await put(api, name, secret=ZENDESK_SECRET)).status_code == 204
    await spoil(database, column, value)

    listed = await api.get(PATH.removesuffix("/zendesk"), headers=MANAGER)
    assert [each["connection"] for each in listed.json()["items"]] == ["a", "b", "c"]
    shown = await api.get(f"{PATH}/b", headers=MANAGER)
    assert (shown.status_code, shown.json()["secrets"], shown.json()["version"]) == (200, [], 1)
    assert (await api.post(f"{PATH}/b/test", json={"body": "{}"}, headers=MANAGER)).is_success
    rotation = await rotate_secrets(database)
    assert (rotation.connections, rotation.unreadable) == (2, ["zendesk:b"])

    # Its secrets are not kept: nobody knows which they are.
    assert (await put(api, "b")).status_code == 422
    assert (await put(api, "b", secret=ZENDESK_SECRET)).status_code == 204
    shown = await api.get(f"{PATH}/b", headers=MANAGER)
    assert (len(shown.json()["secrets"]), shown.headers["ETag"]) == (1, '"2"')
    content = zendesk_body()
    headers = {**zendesk_headers(content), "Authorization": ""}
    assert (await api.post(f"{PATH}/b", content=content, headers=headers)).status_code == 200


async def test_delivery_by_a_connection_that_can_not_be_read_is_sent_again(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    assert (await put(api, "b", secret=ZENDESK_SECRET)).status_code == 204
    await spoil(database, "secrets", "7")
    content = zendesk_body()
    headers = {**zendesk_headers(content), "Authorization": ""}
    answer = await api.post(f"{PATH}/b", content=content, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (
        503,
        "urn:upstairs:problem:secret-unavailable",
    )
    assert (await api.delete(f"{PATH}/b", headers=MANAGER)).status_code == 204
    assert (await api.post(f"{PATH}/b", content=content, headers=headers)).status_code == 401
