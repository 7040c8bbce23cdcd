"""A priority is changed by people, by Zendesk and by a promise's threshold, and told once."""

from typing import Any

import httpx
import pytest

from common.contracts.escalations import PriorityChangeAsked
from common.contracts.event import ContactId
from common.core.clock import TimeSource
from common.storage.database import Database
from intake.handlers import SUBSCRIPTIONS
from intake.store import UnitOfWork
from integration.intake.conftest import key
from integration.intake.test_contacts import accepted, published
from integration.intake.test_zendesk import TICKET, deliver, told, webhook
from support.databases import rows
from support.service_harness import ServiceHarness, dispatcher

__all__ = ["webhook"]

URGENT = {"priority": "urgent", "because": "The parcel holds medicine."}


async def prioritized(database: Database[UnitOfWork]) -> list[dict[str, Any]]:
    found = await rows(database, "SELECT type, data FROM outbox ORDER BY id")
    return [row.data for row in found if row.type == "upstairs.contact_prioritized.v1"]


async def ask(api: httpx.AsyncClient, contact_id: str, body: Any, who: str) -> httpx.Response:
    return await api.post(f"/v1/contacts/{contact_id}/priority", json=body, headers=key(who))


async def test_a_representative_says_how_urgent_it_is(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accepted(api, text=None)
    for _ in range(2):
        answer = await ask(api, contact_id, URGENT, "representative")
        assert (answer.status_code, answer.json()) == (202, {"contact_id": contact_id})
    assert (await api.get(f"/v1/contacts/{contact_id}")).json()["priority"] == "urgent"
    (event,) = await prioritized(database)
    assert (event["priority"], event["reason"], event["by"]) == (
        "urgent",
        "The parcel holds medicine.",
        "rita",
    )


async def test_a_channel_is_named_since_no_rule_did_it(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accepted(api, text=None)
    assert (await ask(api, contact_id, URGENT, "channel")).status_code == 202
    (event,) = await prioritized(database)
    assert event["by"] == "shop"


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"priority": "asap", "because": "now"}, "body/priority"),
        ({"priority": "urgent"}, "body/because"),
        ({**URGENT, "until": "tomorrow"}, "body/until"),
        ({**URGENT, "because": ""}, "body/because"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_place(
    api: httpx.AsyncClient, database: Database[UnitOfWork], body: dict[str, str], place: str
) -> None:
    contact_id = await accepted(api, text=None)
    refused = await ask(api, contact_id, body, "representative")
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [place]
    assert await published(database) == ["contact_received"]


async def test_what_is_resolved_or_unknown_has_no_other_priority(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accepted(api, text=None)
    await api.post(f"/v1/contacts/{contact_id}/resolution", json={})
    refused = await ask(api, contact_id, URGENT, "representative")
    assert (refused.status_code, refused.json()["state"]) == (409, "resolved")
    unknown = "01a200f7-13bd-749f-a0af-38154619ae68"
    assert (await ask(api, unknown, URGENT, "representative")).status_code == 404
    assert not await prioritized(database)


async def test_a_promise_that_asks_for_another_priority_gets_it_once(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    open_id, done_id = await accepted(api, text=None), await accepted(api, text=None)
    await api.post(f"/v1/contacts/{done_id}/resolution", json={})
    inside = ServiceHarness(database, dispatcher(database, SUBSCRIPTIONS, "intake"))
    for contact_id in (open_id, open_id, done_id):
        asked = PriorityChangeAsked(
            contact_id=ContactId(contact_id),
            occurred_at=TimeSource().utc_now(),
            priority="urgent",
            reason="75 % of the first response's time is spent",
        )
        await inside.tell(asked)
    (event,) = await prioritized(database)
    assert (event["contact_id"], event["priority"], event["by"]) == (open_id, "urgent", None)
    assert event["reason"] == "75 % of the first response's time is spent"


async def test_zendesk_changes_it(
    webhook: httpx.AsyncClient,
    database: Database[UnitOfWork],
) -> None:
    await deliver(webhook, told())
    for delivery in ("d-2", "d-3"):
        body = told("ticket.priority_changed", delivery, current="URGENT", previous=None)
        assert (await deliver(webhook, body)).status_code == 200
    (contact,) = await rows(database, "SELECT priority FROM contacts")
    assert contact.priority == "urgent"
    (event,) = await prioritized(database)
    assert (event["reason"], event["by"]) == ("changed in Zendesk", "acme")


async def test_a_change_that_comes_before_its_ticket_makes_the_contact(
    webhook: httpx.AsyncClient,
    database: Database[UnitOfWork],
) -> None:
    assert TICKET.get("priority") is None
    await deliver(webhook, told("ticket.priority_changed", "d-1", current="HIGH"))
    await deliver(webhook, told("ticket.created", "d-2"))
    (contact,) = await rows(database, "SELECT priority FROM contacts")
    assert contact.priority == "high"
