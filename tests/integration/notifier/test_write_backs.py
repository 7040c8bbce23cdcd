"""A ticket of Zendesk learns what becomes of its escalation, and nobody learns the credentials."""

from collections.abc import AsyncIterator

import pytest

from common.core.ids import new_id
from integration.notifier.conftest import ServiceHarness, key, open_api
from integration.notifier.write_back_examples import (
    API_TOKEN,
    TICKET,
    ZENDESK,
    ZENDESK_STEPS,
    EscalatedCase,
    all_written,
    list_writes,
    managing,
    set_up,
    write_states,
    writing,
)
from support.case_systems import ZENDESK_EMAIL, ZENDESK_TOKEN, ZENDESK_USER, Ticket, ZendeskStandIn


@pytest.fixture
async def zendesk() -> AsyncIterator[ZendeskStandIn]:
    async with ZendeskStandIn() as zendesk:
        zendesk.tickets[TICKET] = Ticket(tags=["invoice"])
        yield zendesk


async def test_ticket_learns_each_step_in_order(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await harness.add_recipient("dana", "email")
    await set_up(harness, zendesk.url)
    case = EscalatedCase()
    async with writing(harness, zendesk.url):
        # In one batch, as after a break.
        await harness.handle(case.raised(), case.acknowledged(), case.resolved())
        writes = await all_written(harness)
    assert writes == [
        ("escalated", "written"),
        ("acknowledged", "written"),
        ("resolved", "written"),
    ]
    ticket = zendesk.tickets[TICKET]
    assert (ticket.priority, ticket.tags) == ("normal", ["invoice", "escalated"])
    assert ticket.custom_fields == {360001: "supervisor"}
    assert all(comment["public"] is False for comment in ticket.comments)
    raised, acknowledged, resolved = (comment["body"] for comment in ticket.comments)
    assert raised.startswith("Escalated. Supervisor is asked; severity high.\n")
    assert "The customer asks for a supervisor." in raised
    assert "https://console.example.com/e/" in raised
    assert acknowledged.startswith("Dana has the escalation and works on it.\n")
    assert resolved.startswith("Escalation resolved by Dana: a refund.\n")
    # No word of the customer and no guidance gets into a note.
    assert "boss" not in raised + acknowledged + resolved


async def test_note_is_in_the_language_of_the_connection(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url, language="de")
    async with writing(harness, zendesk.url):
        await harness.handle(EscalatedCase().raised())
        await all_written(harness)
    (comment,) = zendesk.tickets[TICKET].comments
    assert comment["body"].startswith("Eskaliert. Gefragt: supervisor; Schweregrad hoch.\n")


async def test_steps_that_are_set_are_written(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    steps = {step: {"note": True} for step in (*ZENDESK_STEPS, "returned", "withdrawn")}
    await set_up(harness, zendesk.url, steps=steps)
    case = EscalatedCase()
    async with writing(harness, zendesk.url):
        await harness.handle(case.raised(), case.acknowledged(), case.handed_back())
        await harness.handle(case.reopened(), case.closed())
        await all_written(harness)
    first_lines = [
        comment["body"].partition("\n")[0] for comment in zendesk.tickets[TICKET].comments
    ]
    assert first_lines == [
        "Escalated. Supervisor is asked; severity high.",
        "dana has the escalation and works on it.",
        "dana gave the case back to the representative, with guidance.",
        "Escalation reopened by mona. Manager is asked; severity critical.",
        "Escalation closed: there is no more to do for a supervisor.",
    ]


@pytest.mark.parametrize(
    ("system", "ref"),
    [
        (None, None),
        ("zendesk:acme", None),
        ("channel:shop", "5158"),
        ("zendesk:other", "5158"),
        ("zendesk", "5158"),
    ],
)
async def test_contact_of_no_connection_that_is_set_is_not_written(
    harness: ServiceHarness, zendesk: ZendeskStandIn, system: str | None, ref: str | None
) -> None:
    await set_up(harness, zendesk.url)
    case = EscalatedCase(system, ref)
    await harness.handle(case.raised(), case.acknowledged())
    assert await write_states(harness) == []


async def test_paused_connection_is_not_written_and_not_caught_up(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url, state="paused")
    case = EscalatedCase()
    await harness.handle(case.raised())
    await set_up(harness, zendesk.url)
    async with writing(harness, zendesk.url):
        await harness.handle(case.acknowledged())
        assert await all_written(harness) == [("acknowledged", "written")]


async def test_customer_who_is_erased_leaves_nothing_to_write(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    case, other = EscalatedCase(), EscalatedCase(ref="77")
    await harness.handle(case.raised(), other.raised())
    await harness.handle(case.erased())
    await harness.handle(case.acknowledged())
    kept = await harness.rows("SELECT external_ref FROM case_writes")
    assert [row.external_ref for row in kept] == ["77"]
    refs = await harness.rows("SELECT external_ref FROM escalations ORDER BY external_ref")
    assert [row.external_ref for row in refs] == ["77", None]


async def test_customer_who_is_erased_in_the_batch_of_a_step_leaves_nothing_to_write(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    case = EscalatedCase()
    # In one batch, as after a break.
    await harness.handle(case.raised(), case.erased())
    assert await write_states(harness) == []
    (escalation,) = await harness.rows("SELECT external_ref FROM escalations")
    assert escalation.external_ref is None


async def test_credentials_are_encrypted_and_never_shown(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    answer = await set_up(harness, zendesk.url)
    async with managing(harness, zendesk.url) as api:
        shown = await api.get(ZENDESK)
        listed = await api.get("/v1/write-backs?kind=zendesk&state=active")
    assert answer.headers["etag"] == shown.headers["etag"] == '"1"'
    assert shown.json()["account"] == ZENDESK_EMAIL
    assert listed.json()["items"] == [shown.json()]
    assert ZENDESK_TOKEN not in answer.text + shown.text + listed.text
    (row,) = await harness.rows("SELECT CAST(write_backs AS text) AS row FROM write_backs")
    assert ZENDESK_TOKEN not in row.row


async def test_credentials_stay_unless_the_address_changes(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    await set_up(harness, zendesk.url, credentials=None, language="de")
    async with managing(harness, zendesk.url) as api:
        checked = await api.post(f"{ZENDESK}/test")
    assert checked.json() == {
        "works": True,
        "user_id": ZENDESK_USER,
        "name": "Upstairs",
        "reason": None,
    }
    async with ZendeskStandIn() as other, managing(harness, other.url) as api:
        body = {"state": "active", "base_url": other.url, "steps": ZENDESK_STEPS}
        moved = await api.put(ZENDESK, json=body)
    assert moved.status_code == 422
    assert moved.json()["type"].endswith("credentials-missing")


async def test_wrong_credentials_are_found_by_the_test(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    wrong = {**API_TOKEN, "token": "not-the-token-0123456789"}
    await set_up(harness, zendesk.url, credentials=wrong)
    async with managing(harness, zendesk.url) as api:
        checked = (await api.post(f"{ZENDESK}/test")).json()
    assert (checked["works"], checked["user_id"]) == (False, None)
    assert "401" in checked["reason"]


async def test_change_of_a_version_that_is_old_is_refused(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    await set_up(harness, zendesk.url)
    async with managing(harness, zendesk.url) as api:
        body = {"state": "paused", "base_url": zendesk.url, "steps": {}}
        changed = await api.put(ZENDESK, json=body, headers={"If-Match": '"1"'})
        new_only = await api.put(ZENDESK, json=body, headers={"If-None-Match": "*"})
        assert new_only.status_code == 412
        removed = await api.delete(ZENDESK, headers={"If-Match": '"1"'})
    assert (changed.status_code, removed.status_code) == (412, 412)


async def test_removed_connection_is_written_no_more(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    case = EscalatedCase()
    await harness.handle(case.raised())
    async with managing(harness, zendesk.url) as api:
        removed = await api.delete(ZENDESK)
        again = await api.delete(ZENDESK)
    assert (removed.status_code, again.status_code) == (204, 404)
    await harness.handle(case.acknowledged())
    assert await write_states(harness) == [("escalated", "superseded")]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"steps": {"escalated": {"priority": "highest"}}}, "body/steps/escalated/priority"),
        ({"steps": {"escalated": {"fields": {"Level": 1}}}}, "body/steps/escalated/fields/Level"),
        ({"steps": {"climbed": {"note": True}}}, "body/steps/climbed"),
        (
            {
                "credentials": {
                    "type": "client_credentials",
                    "client_id": "a",
                    "client_secret": "a-secret-of-8",
                }
            },
            "body/credentials",
        ),
        ({"state": "halted"}, "body/state"),
    ],
)
async def test_setting_that_the_system_does_not_take_is_refused_by_its_place(
    harness: ServiceHarness, zendesk: ZendeskStandIn, changes: dict[str, object], place: str
) -> None:
    body = {
        "state": "active",
        "base_url": zendesk.url,
        "credentials": API_TOKEN,
        "steps": ZENDESK_STEPS,
        **changes,
    }
    async with managing(harness, zendesk.url) as api:
        refused = await api.put(ZENDESK, json=body)
    assert refused.status_code == 422
    assert place in [error["pointer"] for error in refused.json()["errors"]]


@pytest.mark.parametrize(
    "base_url",
    [
        "https://zendesk.example.com",
        "http://169.254.169.254",
        "http://localhost:8000",
        "{url}/api",
        "{url}?to=x",
        "{url}@evil.example.com",
    ],
)
async def test_only_systems_that_operators_name_are_called(
    harness: ServiceHarness, zendesk: ZendeskStandIn, base_url: str
) -> None:
    body = {
        "state": "active",
        "base_url": base_url.format(url=zendesk.url),
        "credentials": API_TOKEN,
        "steps": {},
    }
    async with managing(harness, zendesk.url) as api:
        refused = await api.put(ZENDESK, json=body)
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("address-not-allowed")


async def test_without_encryption_keys_nothing_is_set(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    body = {"state": "active", "base_url": zendesk.url, "credentials": API_TOKEN, "steps": {}}
    async with open_api(harness, write_back_systems=(zendesk.url,)) as unkeyed:
        refused = await unkeyed.put(ZENDESK, json=body, headers=key("mona"))
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
        409,
        "write-backs-off",
    )


async def test_writes_are_listed_by_state_and_contact(
    harness: ServiceHarness, zendesk: ZendeskStandIn
) -> None:
    await set_up(harness, zendesk.url)
    case, other = EscalatedCase(), EscalatedCase(ref="77")
    await harness.handle(case.raised(), other.raised())
    about = await list_writes(harness, zendesk.url, f"?contact_id={case.contact_id}")
    assert [(each["external_ref"], each["step"]) for each in about] == [(TICKET, "escalated")]
    assert len(await list_writes(harness, zendesk.url, "?state=pending&limit=1")) == 1
    assert await list_writes(harness, zendesk.url, "?state=failed") == []
    async with managing(harness, zendesk.url) as api:
        unknown = await api.get("/v1/write-backs/zendesk/other/writes")
        no_write = await api.post(f"{ZENDESK}/writes/{new_id()}/retry")
    assert (unknown.status_code, no_write.status_code) == (404, 404)
