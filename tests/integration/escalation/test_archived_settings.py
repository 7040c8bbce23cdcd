"""A setting is archived only if nothing that depends on it is left without a choice."""

from typing import Any

import httpx
import pytest

from common.contracts.contacts import RepresentativeReplied, SupervisorRequested
from common.contracts.event import MessageId
from integration.escalation.clock_examples import later
from integration.escalation.conftest import POLICY, EscalationHarness
from integration.escalation.test_clocks import clocks

pytestmark = pytest.mark.usefixtures("configured")

_CALENDAR = {"zone": "UTC", "hours": {"mon": [["00:00", "24:00"]], "tue": [["00:00", "24:00"]]}}


async def _archive(api: httpx.AsyncClient, path: str, choice: str | None = None) -> httpx.Response:
    params = {} if choice is None else {"open_contacts": choice}
    return await api.delete(f"/v1/{path}", params=params)


async def _put(api: httpx.AsyncClient, path: str, body: Any) -> None:
    response = await api.put(f"/v1/{path}", json=body)
    assert response.status_code == 200, response.text


async def test_archived_policy_applies_to_no_new_contact(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    assert (await _archive(api, "sla-policies/gold")).status_code == 204
    assert (await api.get("/v1/sla-policies/gold")).status_code == 404
    assert "gold" not in (await api.get("/v1/sla-policies")).text
    contact = await service.received()
    await service.handle_events(contact)
    assert await clocks(api, contact) == {}
    assert (await _archive(api, "sla-policies/gold")).status_code == 404


async def test_policy_put_again_is_the_next_version(api: httpx.AsyncClient) -> None:
    assert (await _archive(api, "sla-policies/gold")).status_code == 204
    response = await api.put("/v1/sla-policies/gold", json=POLICY)
    assert (response.status_code, response.json()["version"]) == (200, 3)
    assert (await api.get("/v1/sla-policies/gold")).status_code == 200


async def test_versions_tell_who_put_and_archived_a_setting(api: httpx.AsyncClient) -> None:
    assert (await _archive(api, "sla-policies/gold")).status_code == 204
    first = (await api.get("/v1/sla-policies/gold/versions", params={"limit": 1})).json()
    (archived,) = first["items"]
    assert (archived["version"], archived["archived"], archived["put_by"]) == (2, True, "mia")
    query = {"limit": 1, "cursor": first["next_cursor"]}
    rest = (await api.get("/v1/sla-policies/gold/versions", params=query)).json()
    assert [(item["version"], item["archived"]) for item in rest["items"]] == [(1, False)]
    assert rest["next_cursor"] is None
    assert (await api.get("/v1/sla-policies/silver/versions")).status_code == 404


async def test_archived_settings_are_listed_apart(api: httpx.AsyncClient) -> None:
    async def ids(*, archived: bool) -> list[str]:
        listed = await api.get("/v1/sla-policies", params={"archived": archived})
        return [item["id"] for item in listed.json()["items"]]

    assert (await ids(archived=False), await ids(archived=True)) == (["gold"], [])
    assert (await _archive(api, "sla-policies/gold")).status_code == 204
    assert (await ids(archived=False), await ids(archived=True)) == ([], ["gold"])


async def test_policy_with_open_contacts_needs_a_choice(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact)
    refused = await _archive(api, "sla-policies/gold")
    assert (refused.status_code, refused.json()["type"]) == (
        409,
        "urn:upstairs:problem:setting-in-use",
    )
    assert (refused.json()["open_contacts"], refused.json()["used_by"]) == (1, [])
    assert "keep or retarget or release" in refused.json()["detail"]
    assert (await api.get("/v1/sla-policies/gold")).status_code == 200


@pytest.mark.parametrize(
    ("choice", "policy", "state"),
    [("keep", "gold", "running"), ("retarget", "all", "running"), ("release", "gold", "cancelled")],
)
async def test_choice_says_what_becomes_of_open_contacts(
    service: EscalationHarness, api: httpx.AsyncClient, choice: str, policy: str, state: str
) -> None:
    contact = await service.received()
    await service.handle_events(contact)
    resolution = {"clock": "resolution", "target_s": 5000}
    # Its id comes after `gold`, so that it does not apply before.
    await _put(api, "sla-policies/zzz", {**POLICY, "targets": [resolution]})
    assert (await _archive(api, "sla-policies/gold", choice)).status_code == 204
    await service.advance_time(1)
    shown = (await clocks(api, contact))["resolution"]
    assert shown["state"] == state
    assert shown["policy"]["id"] == ("zzz" if policy == "all" else policy)
    if choice == "release":
        assert shown["timeline"][-1]["text"] == (
            "cancelled: gold was archived, and its open contacts were released"
        )


async def test_retargeting_without_another_policy_cancels_the_clocks(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact)
    assert (await _archive(api, "sla-policies/gold", "retarget")).status_code == 204
    await service.advance_time(1)
    assert {clock["state"] for clock in (await clocks(api, contact)).values()} == {"cancelled"}


@pytest.mark.parametrize(
    ("choice", "other_policy", "ladder"),
    [
        ("keep", False, "bosses"),
        ("release", False, "default"),
        ("release", True, "others"),
        ("retarget", False, "default"),
        ("retarget", True, "others"),
    ],
)
@pytest.mark.parametrize("is_answered", [False, True])
async def test_ladder_of_an_archived_policy_goes_with_its_promises(
    service: EscalationHarness,
    api: httpx.AsyncClient,
    choice: str,
    other_policy: bool,
    ladder: str,
    is_answered: bool,
) -> None:
    for ladder_id in ("bosses", "others"):
        await _put(
            api, f"ladders/{ladder_id}", (await api.get("/v1/ladders/default")).json()["body"]
        )
    first_reply = {"targets": [{"clock": "first_response", "target_s": 100}], "severity": "high"}
    await _put(api, "sla-policies/gold", {**first_reply, "ladder_id": "bosses"})
    contact = await service.received()
    await service.handle_events(contact)
    if is_answered:
        reply = RepresentativeReplied(
            contact_id=contact.contact_id, occurred_at=later(contact, 1), message_id=MessageId("m")
        )
        await service.handle_events(reply)
    if other_policy:
        await _put(api, "sla-policies/zzz", {**first_reply, "ladder_id": "others"})
    assert (await _archive(api, "sla-policies/gold")).status_code == 409
    assert (await _archive(api, "sla-policies/gold", choice)).status_code == 204
    await service.advance_time(1)
    request = SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=later(contact, 3), quote="Your boss!"
    )
    await service.handle_events(request)
    listed = await api.get("/v1/escalations", params={"contact_id": contact.contact_id})
    assert [item["ladder"].split()[0] for item in listed.json()["items"]] == [ladder]


@pytest.mark.parametrize(
    ("is_asked_for", "choice", "state"),
    [(False, "release", "closed"), (True, "release", "raised"), (False, "keep", "raised")],
)
async def test_escalation_of_a_released_promise_alone_is_closed(
    service: EscalationHarness,
    api: httpx.AsyncClient,
    is_asked_for: bool,
    choice: str,
    state: str,
) -> None:
    """As in Zammad's issue 4353: what a withdrawn promise raised must not go on paging."""
    contact = await service.received()
    await service.handle_events(contact)
    await service.advance_time(70)
    if is_asked_for:
        request = SupervisorRequested(
            contact_id=contact.contact_id, occurred_at=later(contact, 65), quote="Your boss!"
        )
        await service.handle_events(request)
    assert (await _archive(api, "sla-policies/gold", choice)).status_code == 204
    await service.advance_time(1)
    stored = await service.rows("SELECT state FROM escalations")
    assert [escalation.state for escalation in stored] == [state]


async def test_settings_that_others_name_are_not_archived(api: httpx.AsyncClient) -> None:
    await _put(api, "calendars/office", _CALENDAR)
    await _put(api, "ladders/other", (await api.get("/v1/ladders/default")).json()["body"])
    await _put(api, "sla-policies/gold", {**POLICY, "calendar_id": "office", "ladder_id": "other"})
    for path, used_by in {
        "calendars/office": ["sla-policies/gold: calendar_id"],
        "ladders/other": ["sla-policies/gold: ladder_id"],
        "ladders/default": ["contacts for which no policy names a ladder"],
    }.items():
        refused = await _archive(api, path, "keep")
        assert (refused.status_code, refused.json()["type"]) == (
            409,
            "urn:upstairs:problem:setting-in-use",
        ), path
        assert refused.json()["used_by"] == used_by


async def test_calendar_of_open_contacts_needs_a_choice_and_still_counts_if_kept(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    await _put(api, "calendars/office", _CALENDAR)
    await _put(api, "sla-policies/gold", {**POLICY, "calendar_id": "office"})
    contact = await service.received()
    await service.handle_events(contact)
    await _put(api, "sla-policies/gold", POLICY)
    assert (await _archive(api, "calendars/office")).json()["open_contacts"] == 1
    assert (await _archive(api, "calendars/office", "keep")).status_code == 204
    shown = (await clocks(api, contact))["resolution"]
    assert (shown["calendar"]["id"], shown["state"]) == ("office", "running")


async def test_schedule_of_an_open_escalation_is_asked_on_if_it_is_kept(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact)
    request = SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=later(contact, 1), quote="Your boss!"
    )
    await service.handle_events(request)
    ladder = (await api.get("/v1/ladders/default")).json()["body"]
    rules = [rule for level in ladder["levels"] for rule in level["who"]]
    schedule_id = next(rule["schedule_id"] for rule in rules if "schedule_id" in rule)
    people = [{"kind": "person", "person_id": "mia"}]
    levels = [{**level, "who": people} for level in ladder["levels"]]
    await _put(api, "ladders/default", {**ladder, "levels": levels})
    path = f"duty-schedules/{schedule_id}"
    assert (await _archive(api, path)).json()["open_contacts"] == 1
    assert (await _archive(api, path, "release")).status_code == 422
    assert (await _archive(api, path, "keep")).status_code == 204
    await service.advance_time(3600)
    assert "escalation_climbed" in await service.fetch_event_types(contact.contact_id)


async def test_stale_version_is_not_archived(api: httpx.AsyncClient) -> None:
    response = await api.delete("/v1/sla-policies/gold", headers={"If-Match": '"7"'})
    assert (response.status_code, response.json()["type"]) == (412, "urn:upstairs:problem:stale")
