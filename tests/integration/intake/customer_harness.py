"""What tests of customers share: contacts of one, what is shown of one, merges."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx

from common.storage.database import Database
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from integration.intake.harness import CONTACT, key
from support.service_harness import open_client


@asynccontextmanager
async def open_api(
    database: Database[UnitOfWork], **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Open the API with these settings, called by the channel `shop`."""
    async with open_client(build, Settings, database, key, **settings) as api:
        api.headers.update(key("channel"))
        yield api


def email(address: str, *, verified: bool = False) -> dict[str, Any]:
    return {"kind": "email", "address": address, "verified": verified}


def phone(address: str, *, verified: bool = False) -> dict[str, Any]:
    return {"kind": "phone", "address": address, "verified": verified}


async def send(
    api: httpx.AsyncClient,
    customer_id: str,
    *addresses: dict[str, Any],
    caller: str = "channel",
    **changes: Any,
) -> dict[str, Any]:
    """Send a contact of a customer; return what intake shows of the contact."""
    customer = {"customer_id": customer_id, "addresses": addresses, **changes.pop("about", {})}
    body = {**CONTACT, "text": None, "customer": customer, **changes}
    answer = await api.post("/v1/contacts", json=body, headers=key(caller))
    assert answer.status_code == 201, answer.text
    path = f"/v1/contacts/{answer.json()['contact_id']}"
    shown: dict[str, Any] = (await api.get(path, headers=key("admin"))).json()
    return shown


def path_of(customer_id: str) -> str:
    return f"/v1/customers/{quote(customer_id, safe='')}"


async def show(
    api: httpx.AsyncClient, customer_id: str, caller: str = "supervisor"
) -> dict[str, Any]:
    answer = await api.get(path_of(customer_id), headers=key(caller))
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def link(
    api: httpx.AsyncClient,
    customer_id: str,
    into: str | None,
    status: int = 200,
    if_match: str | None = None,
) -> dict[str, Any]:
    """Merge a customer into another one, or unmerge it."""
    action = "merge" if into else "unmerge"
    body = {"reason": "She says so.", **({"into": into} if into else {})}
    headers = {**key("supervisor"), **({"If-Match": if_match} if if_match else {})}
    answer = await api.post(f"{path_of(customer_id)}/{action}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    content: dict[str, Any] = answer.json()
    return content


async def contacts_of(api: httpx.AsyncClient, customer_id: str) -> list[str]:
    answer = await api.get(
        "/v1/contacts", params={"customer": customer_id}, headers=key("supervisor")
    )
    return [item["contact_id"] for item in answer.json()["items"]]
