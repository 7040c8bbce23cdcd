"""Who reports to whom and who may grant what, as it is set; and what customers come back for."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from common.contracts.contacts import Customer, FeedbackReceived
from common.contracts.event import CustomerId
from common.core.ids import new_id
from common.storage.database import Database
from escalation.metrics import AuditMetrics
from escalation.store.unit_of_work import UnitOfWork
from escalation.workers import timer_check
from escalation.workers.timer_check import Auditor
from integration.escalation.conftest import LADDER, POLICY, Desk, assigned, key

AUGUST = {"from": "2026-08-01T00:00:00Z", "until": "2026-09-01T00:00:00Z"}
LINE: dict[str, dict[str, Any]] = {
    "people/mia": {"role": "manager"},
    "people/sam": {"reports_to": "mia", "role": "supervisor", "absences": [AUGUST]},
    "people/rita": {"reports_to": "sam", "role": "representative"},
    "teams/front": {"supervisors": ["sam", "kim"]},
    "approval-limits/supervisor": {"limits": {"EUR": "100.50", "USD": "0"}},
}
WEEK = {"repeated": {"contacts": 3, "within_days": 7}}


async def put(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await api.put(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


@pytest.fixture
async def organised(configured: httpx.AsyncClient) -> httpx.AsyncClient:
    for path, body in LINE.items():
        await put(configured, path, body)
    return configured


async def test_what_is_shown_can_be_put_again(organised: httpx.AsyncClient) -> None:
    for path, body in LINE.items():
        shown = (await organised.get(f"/v1/{path}")).json()
        assert shown["version"] == 1
        assert await put(organised, path, shown["body"]) == shown
        assert body.items() <= shown["body"].items()
        kind = path.split("/")[0]
        assert shown in (await organised.get(f"/v1/{kind}")).json()
    assert (await put(organised, "teams/front", {"supervisors": ["kim"]}))["version"] == 2


@pytest.mark.parametrize(
    ("path", "body", "place", "told"),
    [
        (
            "people/mia",
            {"reports_to": "rita"},
            "body/reports_to",
            "That would be a cycle: mia → rita → sam → mia.",
        ),
        ("people/lee", {"reports_to": "lee"}, "body/reports_to", "cycle: lee → lee"),
        ("people/lee", {"reports_to": "max"}, "body/reports_to", "There is no person max."),
        ("people/lee", {"role": "king"}, "body/role", "representative"),
        ("teams/front", {"supervisors": []}, "body/supervisors", ""),
        ("approval-limits/supervisor", {"limits": {"EUR": "-1"}}, "body/limits/EUR", ""),
        ("approval-limits/supervisor", {"limits": {"eur": "1"}}, "body/limits/eur/[key]", ""),
        ("approval-limits/admin", {"limits": {}}, "path/role", "manager"),
        (
            "ladders/default",
            {**LADDER, "levels": LADDER["levels"][:1]},
            "body/levels/0/who",
            "must name a person",
        ),
        (
            "ladders/default",
            {**LADDER, "levels": [{**LADDER["levels"][1], "calendar_id": "mars"}]},
            "body/levels/0/calendar_id",
            "There is no calendar mars.",
        ),
        (
            "sla-policies/gold",
            {**POLICY, "ladder_by_severity": {"critical": "fast"}},
            "body/ladder_by_severity/critical",
            "There is no ladder fast.",
        ),
        (
            "sla-policies/gold",
            {**POLICY, "raise_when": {"repeated": {"contacts": 1, "within_days": 7}}},
            "body/raise_when/repeated/contacts",
            "",
        ),
        (
            "sla-policies/gold",
            {**POLICY, "raise_when": {"feedback_at_most": 6}},
            "body/raise_when/feedback_at_most",
            "",
        ),
    ],
)
async def test_nonsense_is_refused_by_its_place(
    organised: httpx.AsyncClient, path: str, body: dict[str, Any], place: str, told: str
) -> None:
    before = (await organised.get(f"/v1/{path}")).text
    refused = await organised.put(f"/v1/{path}", json=body)
    assert refused.status_code == 422
    error = refused.json()["errors"][0]
    assert error["pointer"] == place
    assert told in error["detail"]
    assert (await organised.get(f"/v1/{path}")).text == before


async def test_only_managers_set_it(organised: httpx.AsyncClient) -> None:
    for path, body in LINE.items():
        for caller in ("zendesk", "rita", "sam"):
            refused = await organised.put(f"/v1/{path}", json=body, headers=key(caller))
            assert refused.status_code == 403
        assert (await organised.get(f"/v1/{path}", headers=key("rita"))).status_code == 200


async def test_a_ladder_goes_up_the_reporting_line_and_the_team(
    organised: httpx.AsyncClient, desk: Desk
) -> None:
    team = {
        "name": "team",
        "acknowledge_within_s": 50,
        "who": [{"kind": "team_supervisors"}, {"kind": "reporting_line", "steps": 2}],
        "media": ["slack"],
    }
    await put(organised, "ladders/default", {**LADDER, "levels": [team, LADDER["levels"][1]]})
    contact = await desk.received()
    await desk.tell(contact)
    await desk.tell(assigned(contact))
    raised = await organised.post(
        "/v1/escalations", json={"contact_id": contact.contact_id, "reason": "look"}
    )
    assert raised.json()["awaited"] == ["sam", "kim", "mia"]
    pages = await desk.rows(
        "SELECT data->>'person_id' AS person, data->>'media' AS media FROM published_events"
        " WHERE type = 'upstairs.page_requested.v1' ORDER BY id"
    )
    assert [(page.person, page.media) for page in pages] == [
        ("sam", '["slack"]'),
        ("kim", '["slack"]'),
        ("mia", '["slack"]'),
    ]


async def test_customers_who_come_again_go_upstairs(
    configured: httpx.AsyncClient, desk: Desk
) -> None:
    await put(configured, "sla-policies/gold", {**POLICY, "raise_when": WEEK})
    now = await desk.now()
    other = Customer(customer_id=CustomerId("c-82"))
    apart: dict[str, dict[str, Any]] = {
        "long ago": {"occurred_at": now - timedelta(days=8)},
        "six days ago": {"occurred_at": now - timedelta(days=6)},
        "another topic": {"topic_of_contact": "shipping"},
        "another customer": {"customer": other},
        "second": {},
    }
    for changes in apart.values():
        await desk.tell(await desk.received(**changes))
    assert await desk.rows("SELECT * FROM escalations") == []
    third = await desk.received()
    await desk.tell(third)
    (escalation,) = await desk.rows("SELECT contact_id::text, reasons FROM escalations")
    assert escalation.contact_id == third.contact_id
    (reason,) = escalation.reasons
    assert reason["cause"] == "repeated_contact"
    assert reason["text"] == "3 contacts about billing within 7 d (policy gold v2)"


async def test_contacts_of_one_batch_count_each_other(
    configured: httpx.AsyncClient, desk: Desk
) -> None:
    await put(configured, "sla-policies/gold", {**POLICY, "raise_when": WEEK})
    contacts = [await desk.received() for _ in range(3)]
    await desk.tell(*contacts)
    (escalation,) = await desk.rows("SELECT contact_id::text FROM escalations")
    assert escalation.contact_id == contacts[-1].contact_id


async def test_bad_feedback_and_complaints_outlive_the_contact(
    configured: httpx.AsyncClient, desk: Desk
) -> None:
    rule = {**POLICY, "raise_when": {"feedback_at_most": 2}}
    await put(configured, "sla-policies/gold", rule)
    contact = await desk.received()
    await desk.tell(contact)
    feedback = FeedbackReceived(
        contact_id=contact.contact_id, occurred_at=await desk.now(), score=1, comment="rude"
    )
    await desk.tell(feedback)
    body = {"contact_id": contact.contact_id, "reason": "was rude", "about": "rita"}
    complaint = await configured.post("/v1/escalations", json=body)
    assert complaint.status_code == 201
    assert [one["cause"] for one in complaint.json()["reasons"]] == ["feedback", "complaint"]
    place = f"/v1/escalations/{complaint.json()['escalation_id']}/acknowledge"
    sam = await configured.post(place, headers=key("sam"))
    assert sam.status_code == 200
    unknown = {**body, "contact_id": new_id()}
    assert (await configured.post("/v1/escalations", json=unknown)).status_code == 404
    nobody = {**body, "about": "not a name"}
    assert (await configured.post("/v1/escalations", json=nobody)).status_code == 422


async def test_who_is_complained_about_may_not_act(
    configured: httpx.AsyncClient, desk: Desk
) -> None:
    contact = await desk.received()
    await desk.tell(contact)
    body = {"contact_id": contact.contact_id, "reason": "was rude", "about": "sam"}
    raised = (await configured.post("/v1/escalations", json=body)).json()
    assert raised["awaited"] == ["mia"]
    place = f"/v1/escalations/{raised['escalation_id']}/acknowledge"
    refused = await configured.post(place, headers=key("sam"))
    assert refused.status_code == 403
    assert "about you" in refused.json()["detail"]


async def test_standing_alarms_are_counted_until_somebody_answers(
    configured: httpx.AsyncClient,
    desk: Desk,
    database: Database[UnitOfWork],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(timer_check, "_BETWEEN", timedelta(0))
    registry = CollectorRegistry()
    auditor = Auditor(database, AuditMetrics(registry))

    async def counted() -> float | None:
        await auditor.go_over_all(asyncio.Event())
        return registry.get_sample_value("upstairs_escalations_unanswered")

    contact = await desk.received()
    await desk.tell(contact)
    body = {"contact_id": contact.contact_id, "reason": "look"}
    raised = (await configured.post("/v1/escalations", json=body)).json()
    assert await counted() == 0
    await desk.after(51)
    await desk.after(71)
    assert await counted() == 1
    await configured.post(f"/v1/escalations/{raised['escalation_id']}/acknowledge")
    assert await counted() == 0
