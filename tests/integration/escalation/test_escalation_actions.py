"""People's actions on an escalation through the API."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from common.contracts.contacts import ContactResolved, SupervisorRequested
from common.contracts.escalations import PageRequested
from common.core.ids import new_id
from integration.escalation.conftest import EscalationHarness, assigned, key

pytestmark = pytest.mark.usefixtures("configured")


class Screen:
    """One person's screen on one escalation."""

    def __init__(self, api: httpx.AsyncClient, escalation_id: str) -> None:
        self.api = api
        self.place = f"/v1/escalations/{escalation_id}"

    async def press(
        self, action: str, by: str = "sam", etag: str | None = None, **body: Any
    ) -> httpx.Response:
        headers = key(by) | ({"If-Match": etag} if etag else {})
        content = body or None
        return await self.api.post(f"{self.place}/{action}", json=content, headers=headers)

    async def done(self, action: str, by: str = "sam", **body: Any) -> dict[str, Any]:
        answer = await self.press(action, by, **body)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def look(self) -> httpx.Response:
        return await self.api.get(self.place)


@pytest.fixture
async def screen(service: EscalationHarness, api: httpx.AsyncClient) -> Screen:
    """Return a screen on a contact whose customer asks for a supervisor."""
    contact = await service.received()
    request = SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=contact.occurred_at, quote="Your boss, please."
    )
    await service.handle_events(contact, assigned(contact), request)
    (shown,) = (await api.get("/v1/escalations")).json()["items"]
    return Screen(api, shown["escalation_id"])


@pytest.fixture
async def limited(api: httpx.AsyncClient) -> None:
    for role, most in (("manager", "1000.50"), ("supervisor", "100")):
        limits = {"limits": {"EUR": most}}
        answer = await api.put(f"/v1/approval-limits/{role}", json=limits, headers=key("ops"))
        assert answer.status_code == 200, answer.text


@pytest.mark.usefixtures("limited")
async def test_admin_with_name_of_person_acts_as_admin(
    api: httpx.AsyncClient, screen: Screen, service: EscalationHarness
) -> None:
    contact_id = (await screen.look()).json()["contact_id"]
    raised = {"contact_id": contact_id, "reason": "Look at this."}
    answer = await api.post("/v1/escalations", json=raised, headers=key("admin_sam"))
    assert answer.json()["causes"][-1]["by"] == "admin:sam"
    assert (await screen.done("take-over", "admin_sam"))["holder"] == "admin:sam"
    assert (await screen.press("renew")).status_code == 409
    await screen.done("note", "admin_sam", text="Seen.")
    trail = (await screen.api.get(f"{screen.place}/audit-trail", headers=key("mia"))).json()
    actors = [entry["actor"] for entry in trail["entries"]]
    assert actors[-1] == "admin:sam"
    assert "sam" not in actors
    calendar = {"zone": "UTC", "hours": {"mon": [["09:00", "17:00"]]}}
    put = await api.put("/v1/calendars/office", json=calendar, headers=key("admin_sam"))
    assert put.status_code == 200
    setters = await service.rows("SELECT by FROM setting_versions WHERE id = 'office'")
    assert [row.by for row in setters] == ["admin:sam"]


async def paged(service: EscalationHarness) -> list[tuple[str, str]]:
    rows = await service.rows(
        "SELECT data FROM published_events"
        " WHERE type = 'upstairs.page_requested.v1' ORDER BY event_id"
    )
    pages = [msgspec.convert(row.data, PageRequested) for row in rows]
    return [
        (page.person_id, page.reason) for page in pages if page.reason not in ("warning", "updated")
    ]


async def test_all_actions_of_a_day_are_published(
    service: EscalationHarness, screen: Screen
) -> None:
    taken = await screen.done("take-over")
    assert (taken["lease_end"], 590 < taken["left_s"] <= 600) == ("progress", True)
    await screen.done("note", text="The second charge was ours.")
    await screen.done("request-coaching", person_id="rita", text="Say sorry sooner.")
    await screen.done("mediate", customer_statement="a", representative_statement="b", proposal="c")
    until = (await service.now() + timedelta(seconds=3000)).isoformat()
    asleep = await screen.done("snooze", until=until, reason="She calls at three.")
    assert datetime.fromisoformat(asleep["snoozed_until"]) == datetime.fromisoformat(until)
    assert (asleep["lease_end"], asleep["snoozes"]) == ("snooze", 1)
    awake = await screen.done("renew")
    assert (awake["lease_end"], awake["snoozed_until"]) == ("progress", None)
    over = await screen.done("hand-over", to="kim", context="She knows her.")
    assert (over["state"], over["awaited"]) == ("raised", ["kim"])
    await screen.done("acknowledge", by="kim")
    back = await screen.done("hand-back", by="kim", guidance="A month free.")
    assert back["state"] == "handed_back"
    assert await paged(service) == [("sam", "raised"), ("kim", "handed_over")]
    types = [step["type"] for step in (await screen.look()).json()["events"]]
    assert [type_.removeprefix("upstairs.").removesuffix(".v1") for type_ in types] == [
        "escalation_raised",
        "page_requested",
        "escalation_taken_over",
        "escalation_noted",
        "escalation_lease_renewed",
        "coaching_requested",
        "escalation_lease_renewed",
        "escalation_mediated",
        "escalation_lease_renewed",
        "escalation_snoozed",
        "escalation_lease_renewed",
        "escalation_handed_over",
        "page_requested",
        "escalation_acknowledged",
        "escalation_handed_back",
    ]


async def test_lease_warns_then_climbs(service: EscalationHarness, screen: Screen) -> None:
    await screen.done("acknowledge")
    await service.advance_time(99)
    assert await paged(service) == [("sam", "raised")]
    await service.advance_time(2)
    assert (await paged(service))[1:] == [("sam", "lease_ending")]
    await service.advance_time(100)
    assert (await paged(service))[2:] == [("mia", "climbed")]
    assert [row.slot for row in await _timers(service)] == ["escalation"]


async def _timers(service: EscalationHarness) -> list[Any]:
    return await service.rows("SELECT slot FROM timers WHERE slot LIKE 'escalation%' ORDER BY slot")


async def test_hand_back_cancels_both_timers(service: EscalationHarness, screen: Screen) -> None:
    await screen.done("acknowledge")
    assert [row.slot for row in await _timers(service)] == ["escalation", "escalation:warning"]
    await screen.done("hand-back", guidance="so")
    assert await _timers(service) == []


@pytest.mark.usefixtures("limited")
class TestMoney:
    async def test_amount_within_limit_is_resolved(self, screen: Screen) -> None:
        await screen.done("acknowledge")
        end: dict[str, Any] = {
            "outcome": "refund",
            "note": "Sorry.",
            "amount": "99.90",
            "currency": "EUR",
        }
        shown = await screen.done("resolve", **end)
        assert (shown["state"], shown["amount"], shown["approved_by"]) == (
            "resolved",
            "99.90",
            None,
        )

    async def test_amount_above_limit_needs_approval(
        self, service: EscalationHarness, screen: Screen
    ) -> None:
        await screen.done("acknowledge")
        end: dict[str, Any] = {
            "outcome": "refund",
            "note": "Sorry.",
            "amount": 500,
            "currency": "EUR",
        }
        pending = await screen.done("resolve", **end)
        assert (pending["state"], pending["awaited"]) == ("approval_asked", ["mia"])
        approval = pending["approval"]
        assert approval["level_name"] == "managers"
        assert (approval["asked_by"], approval["amount"], approval["currency"]) == (
            "sam",
            "500",
            "EUR",
        )
        assert approval["outcome"] == "refund"
        own = await screen.press("approve")
        assert own.status_code == 403
        refused = await screen.press("approve", by="kim")
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            "It takes a role that may grant 500 EUR; the role supervisor may grant 100 EUR.",
        )
        back = await screen.done("refuse", by="mia", reason="Half will do.")
        assert (back["state"], back["holder"], back["approval"]) == ("acknowledged", "sam", None)
        await screen.done("resolve", **end)
        shown = await screen.done("approve", by="mia")
        assert (shown["state"], shown["holder"], shown["approved_by"]) == ("resolved", "sam", "mia")
        assert await paged(service) == [
            ("sam", "raised"),
            ("mia", "approval_asked"),
            ("sam", "approval_refused"),
            ("mia", "approval_asked"),
        ]

    async def test_invalid_amount_is_refused(self, screen: Screen) -> None:
        await screen.done("acknowledge")
        for wrong in (
            {"amount": "5"},
            {"currency": "EUR"},
            {"amount": "0", "currency": "EUR"},
            {"amount": "-1", "currency": "EUR"},
            {"amount": "1", "currency": "euro"},
            {"amount": "NaN", "currency": "EUR"},
        ):
            answer = await screen.press("resolve", outcome="refund", note="n", **wrong)
            assert answer.status_code == 422, wrong


class TestStaleScreens:
    async def test_change_has_new_etag(self, screen: Screen) -> None:
        first = (await screen.look()).headers["ETag"]
        acknowledged = await screen.press("acknowledge", etag=first)
        assert acknowledged.status_code == 200
        second = acknowledged.headers["ETag"]
        assert (second, acknowledged.json()["version"]) == ('"2"', 2)
        assert first == '"1"'
        assert (await screen.look()).headers["ETag"] == second

    async def test_stale_action_is_refused_with_current_escalation(self, screen: Screen) -> None:
        await screen.done("acknowledge")
        stale = await screen.press("hand-back", etag='"1"', guidance="so")
        assert stale.status_code == 412
        problem = stale.json()
        assert problem["type"] == "urn:upstairs:problem:stale"
        assert (problem["current"]["state"], problem["current"]["holder"]) == (
            "acknowledged",
            "sam",
        )
        again = await screen.press("hand-back", etag=stale.headers["ETag"], guidance="so")
        assert again.status_code == 200

    async def test_if_match_accepts_list_star_and_weak_etag(self, screen: Screen) -> None:
        for etag in ('"7", "1"', "*", 'W/"2"'):
            answer = await screen.press("acknowledge", etag=etag)
            assert answer.status_code == 200, etag

    async def test_malformed_etag_is_refused(self, screen: Screen) -> None:
        for etag in ("1", '"one"', '"1" "2"'):
            assert (await screen.press("acknowledge", etag=etag)).status_code == 422

    async def test_wrong_state_is_refused_with_current_escalation(self, screen: Screen) -> None:
        await screen.done("acknowledge")
        taken = (await screen.press("hand-back", by="kim", guidance="so")).json()
        assert taken["detail"] == "It is acknowledged by sam."
        assert taken["current"]["version"] == 2
        await screen.done("hand-back", guidance="so")
        ended = await screen.press("acknowledge")
        assert (ended.status_code, ended.json()["current"]["state"]) == (409, "handed_back")


async def test_snooze_over_limit_is_refused(service: EscalationHarness, screen: Screen) -> None:
    await screen.done("acknowledge")
    too_late = (await service.now() + timedelta(seconds=3700)).isoformat()
    refused = await screen.press("snooze", until=too_late, reason="later")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "A snooze must end within 1 h from now.",
    )
    past = await screen.press("snooze", until=(await service.now()).isoformat(), reason="later")
    assert (past.status_code, past.json()["errors"]) == (
        422,
        [{"pointer": "body/until", "detail": "must be in the future", "code": "in-the-past"}],
    )
    without_zone = await screen.press("snooze", until="2026-03-02T15:00:00", reason="later")
    assert without_zone.status_code == 422


async def test_accused_person_may_not_take_over(
    service: EscalationHarness, api: httpx.AsyncClient
) -> None:
    contact = await service.received()
    await service.handle_events(contact, assigned(contact, "kim"))
    body = {"contact_id": contact.contact_id, "reason": "He shouted.", "about": "kim"}
    raised = await api.post("/v1/escalations", json=body)
    screen = Screen(api, raised.json()["escalation_id"])
    refused = await screen.press("take-over", by="kim")
    assert (refused.status_code, refused.json()["detail"]) == (
        403,
        "The complaint is about you: somebody else must act on it.",
    )


async def test_reopen_after_contact_was_resolved(
    service: EscalationHarness, screen: Screen
) -> None:
    await screen.done("take-over")
    await screen.done("resolve", outcome="answer", note="Explained.")
    shown = (await screen.look()).json()
    resolved = ContactResolved(contact_id=shown["contact_id"], occurred_at=await service.now())
    await service.handle_events(resolved)
    again = await screen.done("reopen", reason="It was not so.")
    assert (again["state"], again["awaited"], again["outcome"]) == ("raised", ["sam"], None)
    twice = await screen.press("reopen", reason="It was not so.")
    assert (twice.status_code, twice.json()["state"]) == (409, "raised")
    await service.advance_time(60)
    assert (await paged(service))[-1] == ("mia", "climbed")


async def test_reopen_is_refused_beside_another_open_escalation(
    service: EscalationHarness, screen: Screen, api: httpx.AsyncClient
) -> None:
    await screen.done("take-over")
    shown = await screen.done("hand-back", guidance="so")
    body = {"contact_id": shown["contact_id"], "reason": "A journalist is on the line."}
    assert (await api.post("/v1/escalations", json=body)).status_code == 201
    refused = await screen.press("reopen", reason="again")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "The contact has another open escalation.",
    )


async def test_unknown_escalation_is_not_found(api: httpx.AsyncClient, screen: Screen) -> None:
    nowhere = Screen(api, new_id())
    assert (await nowhere.press("renew")).status_code == 404
    assert (await nowhere.press("reopen", reason="why not")).status_code == 404
    assert (await api.get(f"{nowhere.place}/audit-trail")).status_code == 404
    assert (await screen.press("note", by="rita", text="me too")).status_code == 403
    assert (await screen.press("note", text="")).status_code == 422
