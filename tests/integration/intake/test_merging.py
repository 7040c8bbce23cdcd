"""Contacts whose work goes on in another one: none vanishes, and nobody writes to them unseen."""

import asyncio
from typing import Any

import httpx
import pytest

from integration.intake.harness import (
    CONTACT,
    accept,
)

ENDS: list[tuple[str, dict[str, Any], str]] = [
    ("resolve", {}, "resolved"),
    ("abandon", {}, "abandoned"),
    ("discard", {"cause": "spam"}, "discarded"),
]


async def act(
    api: httpx.AsyncClient, contact_id: str, action: str, status: int = 202, **body: Any
) -> dict[str, Any]:
    answer = await api.post(f"/v1/contacts/{contact_id}/{action}", json=body)
    assert answer.status_code == status, answer.text
    content: dict[str, Any] = answer.json()
    return content


async def show(api: httpx.AsyncClient, contact_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await api.get(f"/v1/contacts/{contact_id}")).json()
    return shown


@pytest.mark.parametrize(("action", "body", "state"), ENDS)
async def test_contact_is_not_merged_into_one_that_has_ended(
    api: httpx.AsyncClient, action: str, body: dict[str, Any], state: str
) -> None:
    contact, target = await accept(api), await accept(api)
    await act(api, target, action, **body)
    refused = await act(api, contact, "merge", 409, into=target)
    assert refused["type"] == "urn:upstairs:problem:merge-target-ended"
    assert (refused["state"], "merged_into" in refused) == (state, False)
    assert (await show(api, contact))["state"] == "open"


async def test_merge_into_a_merged_contact_is_refused_and_names_where_its_work_goes_on(
    api: httpx.AsyncClient,
) -> None:
    first, second, third = await accept(api), await accept(api), await accept(api)
    await act(api, second, "wait-for-customer")
    await act(api, first, "merge", into=second)
    for contact in (second, third):
        refused = await act(api, contact, "merge", 409, into=first)
        assert (refused["state"], refused["merged_into"]) == ("merged", second)
    assert (await show(api, second))["state"] == "waiting_on_customer"


async def test_merges_that_cross_each_other_leave_one_contact_open(
    api: httpx.AsyncClient,
) -> None:
    for _ in range(5):
        first, second = await accept(api), await accept(api)
        answers = await asyncio.gather(
            api.post(f"/v1/contacts/{first}/merge", json={"into": second}),
            api.post(f"/v1/contacts/{second}/merge", json={"into": first}),
        )
        assert sorted(answer.status_code for answer in answers) == [202, 409]
        states = [(await show(api, contact))["state"] for contact in (first, second)]
        assert sorted(states) == ["merged", "open"]


async def test_who_writes_to_a_merged_contact_learns_where_its_work_goes_on(
    api: httpx.AsyncClient,
) -> None:
    contact, target = await accept(api, external_ref="T-1"), await accept(api)
    await act(api, contact, "merge", into=target)
    words = {"author": "customer", "text": "Hello?"}
    refused = await act(api, contact, "messages", 409, **words)
    assert refused["type"] == "urn:upstairs:problem:wrong-state"
    assert (refused["state"], refused["merged_into"]) == ("merged", target)
    again = {**CONTACT, "external_ref": "T-1", "text": "Hello?"}
    sent = await api.post("/v1/contacts", json=again)
    assert (sent.status_code, sent.json()["merged_into"]) == (409, target)
