"""The team that a channel says a contact is for, and the tier that a connection assumes."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from common.contracts.contacts import Tier
from common.contracts.event import CustomerId
from common.storage.database import Database
from intake.channel_events import apply_events
from intake.channels.base import ContactOpened, ExternalContact
from intake.domain.customers import CustomerNamespaces, CustomerStatement
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader, standard_rules
from intake.event_preparation import prepare_events
from intake.store import UnitOfWork
from integration.intake.harness import CONTACT, deliver, key, published_data, zendesk_body

CONNECTION = ChannelConnection("acme", "salesforce", "a-secret-of-a-test", {})
SIGNS = SignReader(standard_rules())


def contact(
    number: int, tier: Tier | None = None, default_tier: Tier | None = None, **fields: Any
) -> ExternalContact:
    return ExternalContact(
        ref=f"case-{number}",
        channel="case",
        customer=CustomerStatement(CustomerId("c-1"), tier=tier),
        subject="Boiler is cold",
        topic="general",
        language="en",
        priority="normal",
        default_tier=default_tier,
        **fields,
    )


async def apply(database: Database[UnitOfWork], contacts: Sequence[ExternalContact]) -> None:
    events = [ContactOpened(f"{each.ref} opened", "opened", each) for each in contacts]
    prepared = prepare_events(CONNECTION, events, CustomerNamespaces({}), SIGNS)
    async with database.transaction() as uow:
        await apply_events(CONNECTION, prepared, uow)


async def tiers(database: Database[UnitOfWork]) -> list[str]:
    received = await published_data(database, "contact_received")
    return [event["customer"]["tier"] for event in received]


async def test_team_of_a_request_is_published_shown_and_kept(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    sent = {**CONTACT, "external_ref": "T-7", "team": "no-such-team"}
    created = await api.post("/v1/contacts", json=sent)
    assert created.status_code == 201
    again = await api.post("/v1/contacts", json={**sent, "team": "care", "text": "And now?"})
    assert again.status_code == 200

    (received,) = await published_data(database, "contact_received")
    assert received["team"] == "no-such-team"
    shown = (await api.get(f"/v1/contacts/{created.json()['contact_id']}")).json()
    assert shown["team"] == "no-such-team"
    (listed,) = (await api.get("/v1/contacts")).json()["items"]
    assert listed["team"] == "no-such-team"


@pytest.mark.parametrize("team", ["key accounts", "", "x" * 101, 7])
async def test_team_that_can_be_none_is_refused(api: httpx.AsyncClient, team: object) -> None:
    answer = await api.post("/v1/contacts", json={**CONTACT, "team": team})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "body/team"


async def test_team_of_a_connection_is_by_tag_or_else_its_default(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    options = {"team": "care", "team_by_tag": {"group=77": "key-accounts"}, "tier": "premium"}
    put = await zendesk.put(
        "/v1/channels/zendesk/acme", json={"options": options}, headers=key("admin")
    )
    assert put.status_code == 204
    await deliver(zendesk, zendesk_body(delivery="d-1", ticket={"id": 1, "group_id": "77"}))
    await deliver(zendesk, zendesk_body(delivery="d-2", ticket={"id": 2}))

    received = await published_data(database, "contact_received")
    assert [event["team"] for event in received] == ["key-accounts", "care"]
    assert await tiers(database) == ["premium", "premium"]


async def test_connection_with_a_team_that_can_be_none_is_refused(
    zendesk: httpx.AsyncClient,
) -> None:
    put = await zendesk.put(
        "/v1/channels/zendesk/acme",
        json={"options": {"team_by_tag": {"a": "key accounts"}}},
        headers=key("admin"),
    )

    assert put.status_code == 422
    assert put.json()["errors"][0]["pointer"] == "body/options/team_by_tag/a"


async def test_contact_with_an_odd_team_is_kept(database: Database[UnitOfWork]) -> None:
    odd = ["Key accounts / EU", " \n", "x" * 1000, "a\u202eb"]
    await apply(database, [contact(n, team=team) for n, team in enumerate(odd)])

    received = await published_data(database, "contact_received")
    assert [event["team"] for event in received] == [
        "Key accounts / EU",
        None,
        "x" * 300,
        "ab",
    ]


async def test_default_tier_counts_until_a_system_states_one(
    database: Database[UnitOfWork],
) -> None:
    await apply(database, [contact(1), contact(2, default_tier="premium")])
    await apply(database, [contact(3, tier="vip", default_tier="premium")])
    await apply(database, [contact(4, default_tier="premium")])

    assert await tiers(database) == ["standard", "premium", "vip", "vip"]


async def test_default_tier_is_not_kept_for_other_connections(
    database: Database[UnitOfWork],
) -> None:
    await apply(database, [contact(1, default_tier="premium")])
    await apply(database, [contact(2)])

    assert await tiers(database) == ["premium", "standard"]
