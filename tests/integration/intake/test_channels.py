"""A kind of channel made up here: what one file and one registration give it."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from common.core.metrics import Metrics
from common.storage.database import Database
from intake.channels.registry import CHANNELS
from intake.deliveries import MAX_KEPT
from intake.main import build
from intake.settings import Settings
from intake.store import UnitOfWork
from integration.intake.harness import (
    CONTACT,
    key,
    nothing_happened,
    published,
    published_data,
    zendesk_body,
    zendesk_headers,
)
from integration.intake.kiosk import KIOSK, PATH, SECRET, Happening, connect, send
from support.databases import rows
from support.probe import sum_samples
from support.service_harness import open_client


@pytest.fixture
async def kiosk(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """The API with the kind `kiosk` registered and its connection `lobby` set up."""
    with_kiosk = partial(build, channels={**CHANNELS, KIOSK.kind: KIOSK})
    async with open_client(with_kiosk, Settings, database, key) as api:
        answer = await connect(api, PATH, {"topic": "visits"})
        assert answer.status_code == 204
        yield api


async def execute(database: Database[UnitOfWork], statement: str) -> None:
    async with database.transaction() as uow:
        await uow.connection.execute(text(statement))


async def test_every_channel_event_is_applied(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    happenings: list[Happening] = [
        "came",
        "cleaned",
        "said",
        "answered",
        "waits",
        "urgent",
        "done",
        "back",
        "left",
    ]
    for number, happening in enumerate(happenings):
        answer = await send(kiosk, (f"u-{number}", "visitor-1", happening))
        assert answer.status_code == 200, answer.text
    assert await published(database) == [
        "contact_received",
        "customer_wrote",
        "representative_replied",
        "waiting_on_customer",
        "contact_prioritized",
        "contact_resolved",
        "contact_reopened",
        "contact_abandoned",
    ]
    (replied,) = await published_data(database, "representative_replied")
    assert replied["automatic"] is True
    (resolved,) = await published_data(database, "contact_resolved")
    assert resolved["note"] == "solved at the kiosk"
    (contact,) = await rows(database, "SELECT * FROM contacts")
    assert (contact.state, contact.topic, contact.received_from, contact.external_ref) == (
        "abandoned",
        "visits",
        "kiosk:lobby",
        "visitor-1",
    )


async def test_delivery_may_carry_events_of_several_contacts(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    updates: list[tuple[str, str, Happening]] = [
        ("u-1", "visitor-1", "said"),
        ("u-2", "visitor-2", "came"),
        ("u-3", "visitor-1", "done"),
    ]
    first = await send(kiosk, *updates)
    results = first.json()["results"]
    ids = [result["contact_id"] for result in results]
    assert (ids[0] == ids[2], ids[0] == ids[1]) == (True, False)
    assert [result["repeated"] for result in results] == [False] * 3
    again = await send(kiosk, *updates)
    assert again.status_code == 200
    assert again.json()["results"] == [{**result, "repeated": True} for result in results]
    assert sorted(await published(database)) == [
        "contact_received",
        "contact_received",
        "contact_resolved",
        "customer_wrote",
    ]


async def test_updates_without_times_count_in_the_order_in_which_they_come(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answer = await send(
        kiosk,
        ("u-1", "visitor-1", "done"),
        ("u-2", "visitor-1", "waits"),
        ("u-3", "visitor-1", "back"),
    )
    assert answer.status_code == 200
    assert await published(database) == [
        "contact_received",
        "waiting_on_customer",
        "waiting_on_customer_ended",
    ]


async def test_update_id_of_another_update_is_kept_and_not_applied(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await send(kiosk, ("u-1", "visitor-1", "came"))
    other = await send(kiosk, ("u-1", "visitor-1", "done"))
    assert (other.status_code, other.json()) == (202, {"results": [], "kept": True})
    (letter,) = await rows(database, "SELECT reason FROM dead_letters")
    assert letter.reason.startswith("KeyReusedError: The event id u-1 was used before")
    assert await published(database) == ["contact_received"]


async def test_wrong_secret_is_refused(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    answer = await kiosk.post(PATH, content=b"{}", headers={"X-Kiosk-Secret": "a guess"})
    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:upstairs:problem:signature-refused"
    assert answer.json()["detail"].endswith("The kiosk shows the secret in X-Kiosk-Secret.")
    assert await nothing_happened(database)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "UnreadableDeliveryError: The body is not JSON."),
        (b"", "UnreadableDeliveryError: The body is not JSON."),
        (b'{"updates": "\xff"}', "UnreadableDeliveryError: The body is not JSON."),
        (b'{"updates": \x00}', "UnreadableDeliveryError: The body is not JSON."),
        (b"[" * 2000, "UnreadableDeliveryError: The body is not JSON."),
        (b"[]", "UnreadableDeliveryError: body: must be an object with named fields"),
        (b"{}", "UnreadableDeliveryError: updates: is missing"),
        (b'{"updates": [{"id": 7}]}', "UnreadableDeliveryError: updates/0/id: must be"),
    ],
)
async def test_signed_delivery_that_is_unreadable_is_kept_whole_with_its_reason(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork], body: bytes, reason: str
) -> None:
    for _ in range(2):
        answer = await kiosk.post(PATH, content=body, headers={"X-Kiosk-Secret": SECRET})
        assert (answer.status_code, answer.json()) == (202, {"results": [], "kept": True})
    (letter,) = await rows(database, "SELECT * FROM dead_letters")
    assert letter.reason.startswith(reason)
    assert (letter.state, letter.type, letter.payload) == ("waiting", "webhook.kiosk", body)
    assert letter.origin.startswith("webhook/kiosk/lobby/")
    assert SECRET not in str(letter.headers)
    assert await nothing_happened(database)


async def test_kept_delivery_is_applied_once_by_a_replay_after_the_fault_is_corrected(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    # The options that were stored are no longer those of the channel.
    await execute(database, "UPDATE channel_connections SET options = '{}'")
    answer = await send(kiosk, ("u-1", "visitor-1", "came"), ("u-2", "visitor-1", "urgent"))
    assert answer.status_code == 202
    (letter,) = (await kiosk.get("/v1/dead-letters", headers=key("admin"))).json()["items"]
    replay = f"/v1/dead-letters/{letter['id']}/replay"
    again = await kiosk.post(replay, headers=key("admin"))
    assert (again.status_code, again.json()["attempts"]) == (422, 2)
    assert "topic: is missing" in again.json()["reason"]

    await connect(kiosk, PATH, {"topic": "visits"})
    await send(kiosk, ("u-1", "visitor-1", "came"))
    closed = await kiosk.post(replay, headers=key("admin"))
    assert (closed.status_code, closed.json()["state"]) == (200, "replayed")
    assert await published(database) == ["contact_received", "contact_prioritized"]
    assert (await kiosk.post(replay, headers=key("admin"))).status_code == 409


async def test_deliveries_over_what_is_kept_are_to_be_sent_again(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await execute(
        database,
        "INSERT INTO dead_letters (origin, reason, headers, claimed, trusted)"
        " SELECT 'webhook/kiosk/lobby/' || n, 'x', '{}', false, true"
        f" FROM generate_series(1, {MAX_KEPT - 1}) AS n",
    )
    last, further = b"{", b"{ "
    for body, status in ((last, 202), (further, 503), (last, 202)):
        answer = await kiosk.post(PATH, content=body, headers={"X-Kiosk-Secret": SECRET})
        assert answer.status_code == status
    full = await kiosk.post(PATH, content=further, headers={"X-Kiosk-Secret": SECRET})
    assert full.json()["type"] == "urn:upstairs:problem:too-many-kept-deliveries"
    assert full.headers["Retry-After"] == "600"
    assert len(await rows(database, "SELECT id FROM dead_letters")) == MAX_KEPT
    # What can be read is applied all the same.
    assert (await send(kiosk, ("u-1", "visitor-1", "came"))).status_code == 200
    await execute(
        database,
        "UPDATE dead_letters SET state = 'discarded', closed_at = now(), closed_by = 'x',"
        " closed_reason = 'x' WHERE origin = 'webhook/kiosk/lobby/1'",
    )
    taken = await kiosk.post(PATH, content=further, headers={"X-Kiosk-Secret": SECRET})
    assert taken.status_code == 202


async def test_delivery_whose_connection_is_gone_stays_kept(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await kiosk.post(PATH, content=b"{", headers={"X-Kiosk-Secret": SECRET})
    await execute(database, "DELETE FROM channel_connections")
    (letter,) = (await kiosk.get("/v1/dead-letters", headers=key("admin"))).json()["items"]
    again = await kiosk.post(f"/v1/dead-letters/{letter['id']}/replay", headers=key("admin"))
    assert again.status_code == 422
    assert "connection" in again.json()["reason"]


async def test_kept_delivery_counts_as_dead_letter_once(database: Database[UnitOfWork]) -> None:
    metrics = Metrics()
    with_kiosk = partial(build, channels={**CHANNELS, KIOSK.kind: KIOSK})
    async with open_client(with_kiosk, Settings, database, key, metrics=metrics) as api:
        await connect(api, PATH, {"topic": "visits"})
        await send(api, ("u-1", "visitor-1", "came"))
        for body in (b"{", b"{", b"[]"):
            answer = await api.post(PATH, content=body, headers={"X-Kiosk-Secret": SECRET})
            assert answer.json()["kept"] is True
    assert sum_samples(metrics.dead_letters) == 2
    assert sum_samples(metrics.webhooks, kind="kiosk", outcome="kept") == 3


async def test_unsigned_delivery_is_not_kept(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    for body in (b"{", b"\xff", b"[" * 2000):
        assert (await kiosk.post(PATH, content=body)).status_code == 401
    assert await rows(database, "SELECT id FROM dead_letters") == []


async def test_unknown_kind_is_not_found(kiosk: httpx.AsyncClient) -> None:
    answer = await send(kiosk, ("u-1", "visitor-1", "came"), path="/v1/channels/pigeon/lobby")
    assert answer.status_code == 404
    kinds = ", ".join(sorted([*CHANNELS, "kiosk"]))
    assert f"The kinds are: {kinds}." in answer.json()["detail"]
    assert answer.json()["type"] == "urn:upstairs:problem:channel-not-found"


@pytest.mark.parametrize("path", ["/v1/channels/kiosk/garden", "/v1/channels/zendesk/lobby"])
@pytest.mark.parametrize("headers", [{}, {"X-Kiosk-Secret": ""}, {"X-Kiosk-Secret": "guess"}])
async def test_unknown_connection_is_answered_as_a_wrong_signature(
    kiosk: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    unknown = await kiosk.post(path, content=b"{}", headers=headers)
    wrong = await kiosk.post(PATH, content=b"{}", headers={"X-Kiosk-Secret": "guess"})
    assert (unknown.status_code, wrong.status_code) == (401, 401)
    assert unknown.json()["type"] == wrong.json()["type"]
    if "/kiosk/" in path:
        assert unknown.content == wrong.content


async def test_unknown_kind_can_not_be_connected(kiosk: httpx.AsyncClient) -> None:
    answer = await connect(kiosk, "/v1/channels/pigeon/lobby", {})
    assert answer.status_code == 404
    kinds = ", ".join(sorted([*CHANNELS, "kiosk"]))
    assert f"The kinds are: {kinds}." in answer.json()["detail"]


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({}, "body/options/topic"),
        ({"topic": 7}, "body/options/topic"),
        ({"topic": "visits", "colour": "red"}, "body/options/colour"),
    ],
)
async def test_connection_options_are_checked_by_their_kind(
    kiosk: httpx.AsyncClient, options: dict[str, Any], pointer: str
) -> None:
    answer = await connect(kiosk, PATH, options)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_systems_of_one_name_never_share_tickets_keys_or_customers(
    kiosk: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    """A kiosk, a Zendesk connection and an API key of the name `shop` all send ticket 7."""
    for path, options in (("kiosk/shop", {"topic": "visits"}), ("zendesk/shop", {})):
        connected = await connect(kiosk, f"/v1/channels/{path}", options)
        assert connected.status_code == 204
    assert (await send(kiosk, ("7", "7", "came"), path="/v1/channels/kiosk/shop")).is_success
    body = zendesk_body(delivery="7", ticket={"id": "7", "requester_id": "7"})
    signed = zendesk_headers(body, secret=SECRET)
    assert (await kiosk.post("/v1/channels/zendesk/shop", content=body, headers=signed)).is_success
    sent = await kiosk.post(
        "/v1/contacts",
        json={**CONTACT, "external_ref": "7", "customer": {"customer_id": "7"}},
        headers={**key("channel"), "Idempotency-Key": "7"},
    )
    assert sent.status_code == 201
    contacts = await rows(
        database, "SELECT received_from, customer_id FROM contacts ORDER BY received_from"
    )
    assert [tuple(contact) for contact in contacts] == [
        ("channel:shop", "channel:shop:7"),
        ("kiosk:shop", "kiosk:shop:kiosk:7"),
        ("zendesk:shop", "zendesk:shop:7"),
    ]


async def test_only_managers_connect_channels(kiosk: httpx.AsyncClient) -> None:
    answer = await connect(kiosk, PATH, {"topic": "visits"}, caller="representative")
    assert answer.status_code == 403
