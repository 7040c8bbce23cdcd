"""A priority is changed by people, by Zendesk and by a clock's threshold, and published once."""

from typing import Any

import httpx
import pytest

from common.contracts.escalations import PriorityChangeAsked
from common.contracts.event import ContactId
from common.core.clock import TimeSource
from common.storage.database import Database
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from integration.intake.harness import (
    UNKNOWN_CONTACT,
    ZENDESK_TICKET,
    accept,
    assign,
    deliver,
    key,
    published,
    published_data,
    zendesk_body,
)
from support.databases import rows
from support.service_harness import ServiceHarness, make_dispatcher

URGENT = {"priority": "urgent", "reason": "The parcel holds medicine."}


async def prioritize(
    api: httpx.AsyncClient, contact_id: str, body: Any, caller: str
) -> httpx.Response:
    return await api.post(f"/v1/contacts/{contact_id}/prioritize", json=body, headers=key(caller))


async def test_representative_changes_the_priority(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    await assign(database, contact_id)
    for _ in range(2):
        answer = await prioritize(api, contact_id, URGENT, "representative")
        assert (answer.status_code, answer.json()) == (202, {"contact_id": contact_id})
    assert (await api.get(f"/v1/contacts/{contact_id}")).json()["priority"] == "urgent"
    (event,) = await published_data(database, "contact_prioritized")
    assert (event["priority"], event["reason"], event["by"]) == (
        "urgent",
        "The parcel holds medicine.",
        "rita",
    )


async def test_change_by_a_channel_names_the_channel_and_no_person(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    assert (await prioritize(api, contact_id, URGENT, "channel")).status_code == 202
    (event,) = await published_data(database, "contact_prioritized")
    assert (event["by"], event["reported_by"]) == (None, "channel:shop")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"priority": "asap", "reason": "now"}, "body/priority"),
        ({"priority": "urgent"}, "body/reason"),
        ({**URGENT, "until": "tomorrow"}, "body/until"),
        ({**URGENT, "reason": ""}, "body/reason"),
    ],
)
async def test_invalid_priority_change_is_refused_by_its_place(
    api: httpx.AsyncClient, database: Database[UnitOfWork], body: dict[str, str], place: str
) -> None:
    contact_id = await accept(api, text=None)
    refused = await prioritize(api, contact_id, body, "representative")
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [place]
    assert await published(database) == ["contact_received"]


async def test_resolved_or_unknown_contact_gets_no_other_priority(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=None)
    await api.post(f"/v1/contacts/{contact_id}/resolve", json={})
    refused = await prioritize(api, contact_id, URGENT, "supervisor")
    assert (refused.status_code, refused.json()["state"]) == (409, "resolved")
    unknown = await prioritize(api, UNKNOWN_CONTACT, URGENT, "representative")
    assert unknown.status_code == 404
    assert not await published_data(database, "contact_prioritized")


async def test_clock_threshold_changes_the_priority_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    open_id, done_id = await accept(api, text=None), await accept(api, text=None)
    await api.post(f"/v1/contacts/{done_id}/resolve", json={})
    inside = ServiceHarness(database, make_dispatcher(database, SUBSCRIPTIONS))
    for contact_id in (open_id, open_id, done_id):
        request = PriorityChangeAsked(
            contact_id=ContactId(contact_id),
            occurred_at=TimeSource().utc_now(),
            priority="urgent",
            reason="75 % of the first response's time is spent",
        )
        await inside.handle_events(request)
    (event,) = await published_data(database, "contact_prioritized")
    assert (event["contact_id"], event["priority"], event["by"]) == (open_id, "urgent", None)
    assert event["reason"] == "75 % of the first response's time is spent"


async def test_zendesk_changes_the_priority(
    zendesk: httpx.AsyncClient,
    database: Database[UnitOfWork],
) -> None:
    await deliver(zendesk, zendesk_body())
    for delivery in ("d-2", "d-3"):
        body = zendesk_body("ticket.priority_changed", delivery, current="URGENT", previous=None)
        assert (await deliver(zendesk, body)).status_code == 200
    (contact,) = await rows(database, "SELECT priority FROM contacts")
    assert contact.priority == "urgent"
    (event,) = await published_data(database, "contact_prioritized")
    assert (event["by"], event["reported_by"]) == (None, "zendesk:acme")


async def test_priority_change_before_its_ticket_makes_the_contact(
    zendesk: httpx.AsyncClient,
    database: Database[UnitOfWork],
) -> None:
    assert ZENDESK_TICKET.get("priority") is None
    await deliver(zendesk, zendesk_body("ticket.priority_changed", "d-1", current="HIGH"))
    await deliver(zendesk, zendesk_body("ticket.created", "d-2"))
    (contact,) = await rows(database, "SELECT priority FROM contacts")
    assert contact.priority == "high"
