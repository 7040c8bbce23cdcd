"""A customer who leaves before anyone answers abandons the contact."""

import httpx
import pytest

from common.contracts.escalations import PriorityChangeAsked
from common.contracts.event import ContactId
from common.core.clock import TimeSource
from common.storage.database import Database
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from integration.intake.harness import accept, assign, key, published, published_data
from support.service_harness import ServiceHarness, make_dispatcher


@pytest.fixture
async def abandoned(api: httpx.AsyncClient) -> str:
    """The path of a contact whose customer hung up."""
    path = f"/v1/contacts/{await accept(api, text=None)}"
    answer = await api.post(f"{path}/abandon", json={"reason": "hung up"})
    assert answer.status_code == 202
    return path


async def test_abandoned_contact_is_published_and_shown(
    api: httpx.AsyncClient, database: Database[UnitOfWork], abandoned: str
) -> None:
    assert (await api.get(abandoned)).json()["state"] == "abandoned"
    (event,) = await published_data(database, "contact_abandoned")
    assert (event["by"], event["reason"]) == (None, "hung up")


async def test_representative_who_reports_the_abandonment_is_named(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    path = f"/v1/contacts/{contact_id}/abandon"
    await assign(database, contact_id)
    assert (await api.post(path, json={}, headers=key("representative"))).status_code == 202
    (event,) = await published_data(database, "contact_abandoned")
    assert (event["by"], event["reason"]) == ("rita", None)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("abandon", {}),
        ("resolve", {}),
        ("wait-for-customer", None),
        ("prioritize", {"priority": "urgent", "reason": "now"}),
        ("messages", {"author": "representative", "text": "Hello?"}),
        ("feedback", {"score": 1}),
    ],
)
async def test_abandoned_contact_refuses_other_actions(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    abandoned: str,
    action: str,
    body: dict[str, object] | None,
) -> None:
    answer = await api.post(f"{abandoned}/{action}", json=body)
    assert (answer.status_code, answer.json()["state"]) == (409, "abandoned")
    assert answer.json()["type"] == "urn:upstairs:problem:wrong-state"
    assert await published(database) == ["contact_received", "contact_abandoned"]


@pytest.mark.parametrize("state", ["waiting_on_customer", "resolved"])
async def test_contact_that_is_not_open_can_not_be_abandoned(
    api: httpx.AsyncClient, state: str
) -> None:
    path = f"/v1/contacts/{await accept(api, text=None)}"
    if state == "resolved":
        await api.post(f"{path}/resolve", json={})
    else:
        await api.post(f"{path}/wait-for-customer")
    answer = await api.post(f"{path}/abandon", json={})
    assert (answer.status_code, answer.json()["state"]) == (409, state)


@pytest.mark.parametrize(
    ("action", "body", "events"),
    [
        (
            "messages",
            {"author": "customer", "text": "Sorry, the line broke."},
            ["contact_reopened", "customer_wrote"],
        ),
        ("reopen", {"reason": "called back"}, ["contact_reopened"]),
        (
            "request-supervisor",
            {"quote": "Your boss, please."},
            ["contact_reopened", "supervisor_requested"],
        ),
    ],
)
async def test_customer_who_comes_back_reopens_the_abandoned_contact(
    api: httpx.AsyncClient,
    database: Database[UnitOfWork],
    abandoned: str,
    action: str,
    body: dict[str, object],
    events: list[str],
) -> None:
    answer = await api.post(f"{abandoned}/{action}", json=body)
    assert answer.is_success
    assert (await api.get(abandoned)).json()["state"] == "open"
    assert (await published(database))[2:] == events


async def test_clock_threshold_leaves_the_abandoned_contact_alone(
    api: httpx.AsyncClient, database: Database[UnitOfWork], abandoned: str
) -> None:
    inside = ServiceHarness(database, make_dispatcher(database, SUBSCRIPTIONS))
    await inside.handle_events(
        PriorityChangeAsked(
            contact_id=ContactId(abandoned.rpartition("/")[2]),
            occurred_at=TimeSource().utc_now(),
            priority="urgent",
            reason="75 % of the first response's time is spent",
        )
    )
    assert (await api.get(abandoned)).json()["priority"] == "high"
    assert await published(database) == ["contact_received", "contact_abandoned"]
