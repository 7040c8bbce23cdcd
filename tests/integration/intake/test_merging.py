"""Contacts whose work goes on in another one: none vanishes, and nobody writes to them unseen."""

import asyncio
from typing import Any

import httpx
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import CONTACT, accept, published, published_data

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


async def test_refusal_of_a_message_to_a_merged_contact_names_where_its_work_goes_on(
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


@pytest.mark.parametrize(
    ("priority", "target_priority", "expected"),
    [
        ("urgent", "normal", ["urgent"]),
        ("high", "low", ["high"]),
        ("high", "high", []),
        ("low", "normal", []),
    ],
)
async def test_target_of_a_merge_takes_over_the_more_urgent_priority(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    priority: str,
    target_priority: str,
    expected: list[str],
) -> None:
    contact = await accept(api, priority=priority)
    target = await accept(api, priority=target_priority)
    await act(api, contact, "merge", into=target, person_id="rita")
    prioritized = await published_data(database, "contact_prioritized")
    assert [event["priority"] for event in prioritized] == expected
    for event in prioritized:
        assert (event["contact_id"], event["by"]) == (target, "rita")
        assert event["reason"] == "a more urgent contact was merged into it"
    assert (await show(api, target))["priority"] == (expected or [target_priority])[0]


@pytest.mark.parametrize("by_message", [True, False])
async def test_target_of_a_merge_takes_over_the_request_for_a_supervisor(
    api: httpx.AsyncClient, database: Database[UnitOfWork], *, by_message: bool
) -> None:
    quote = "I want to speak to your manager."
    contact, target = await accept(api), await accept(api)
    await act(api, target, "wait-for-customer")
    if by_message:
        await act(api, contact, "messages", 201, author="customer", text=quote)
    else:
        await act(api, contact, "request-supervisor", quote=quote)
    await act(api, contact, "merge", into=target)
    requests = await published_data(database, "supervisor_requested")
    assert [(each["contact_id"], each["quote"]) for each in requests] == [
        (contact, quote),
        (target, quote),
    ]
    assert (await show(api, target))["state"] == "open"
    # From there it goes on in the next one.
    last = await accept(api)
    await act(api, target, "merge", into=last)
    requests = await published_data(database, "supervisor_requested")
    assert requests[2]["contact_id"] == last


async def test_contact_that_had_ended_hands_over_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact, target = await accept(api, priority="urgent"), await accept(api, priority="low")
    await act(api, contact, "request-supervisor", quote="Your boss!")
    await act(api, contact, "resolve")
    await act(api, contact, "merge", into=target)
    await act(api, contact, "reopen", reason="a mistake")
    await act(api, contact, "prioritize", priority="low", reason="calm")
    await act(api, contact, "merge", into=target)
    assert (await published(database)).count("supervisor_requested") == 1
    assert (await show(api, target))["priority"] == "low"
