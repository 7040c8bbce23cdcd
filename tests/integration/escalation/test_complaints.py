"""Complaints over HTTP, and what representatives see of what is upstairs."""

import asyncio
from typing import Any

import httpx
import pytest

from common.contracts.assignments import AssignmentReleased
from common.contracts.contacts import SupervisorRequested
from common.contracts.event import PersonId
from integration.escalation.conftest import POLICY, EscalationHarness, assigned, key
from support.people import described

LINE = {"mia": None, "sam": "mia", "rita": "sam"}
TEXT = "She shouted at the customer."


class Case:
    """A contact of rita that bruno had before, with an escalation."""

    def __init__(self, api: httpx.AsyncClient, contact_id: str) -> None:
        self._api = api
        self.contact_id = contact_id

    async def get(self, path: str, caller: str, **params: str) -> httpx.Response:
        return await self._api.get(f"/v1/{path}", params=params, headers=key(caller))

    async def post(self, path: str, body: dict[str, Any], caller: str) -> httpx.Response:
        return await self._api.post(f"/v1/{path}", json=body, headers=key(caller))

    async def put(self, path: str, body: dict[str, Any], caller: str) -> httpx.Response:
        return await self._api.put(f"/v1/{path}", json=body, headers=key(caller))

    async def complain(self, caller: str, about: str = "rita") -> httpx.Response:
        body = {"contact_id": self.contact_id, "reason": TEXT, "about": about}
        return await self.post("escalations", body, caller)

    async def escalation_shown(self) -> dict[str, Any]:
        (shown,) = (await self.get("escalations", "mia")).json()["items"]
        return dict(shown)

    async def escalation_id(self) -> str:
        return str((await self.escalation_shown())["escalation_id"])


@pytest.fixture
async def case(configured: httpx.AsyncClient, service: EscalationHarness) -> Case:
    await service.handle_events(*(described(*place) for place in LINE.items()))
    contact = await service.received()
    released = AssignmentReleased(
        contact_id=contact.contact_id,
        occurred_at=contact.occurred_at,
        representative_id=PersonId("bruno"),
        kind="returned",
        reason="my shift ends",
    )
    request = SupervisorRequested(
        contact_id=contact.contact_id, occurred_at=contact.occurred_at, quote="Your boss!"
    )
    await service.handle_events(
        contact, assigned(contact, "bruno"), released, assigned(contact), request
    )
    return Case(configured, contact.contact_id)


async def test_complaint_is_read_and_judged_by_managers_above_only(case: Case) -> None:
    """Sam is rita's manager, mia the one above; kim complains."""
    assert (await case.complain("kim")).status_code == 201
    (complaint,) = (await case.get("complaints", "mia")).json()["items"]
    place = f"complaints/{complaint['complaint_id']}"
    assert (complaint["reason"], complaint["by"], complaint["about"]) == (TEXT, "kim", "rita")
    for caller in ("rita", "bruno", "sam"):
        assert (await case.get("complaints", caller)).json()["items"] == []
        assert (await case.get(place, caller)).status_code == 404
    judgement = {"reason": "The recording shows a friendly call."}
    assert (await case.post(f"{place}/dismiss", judgement, "sam")).status_code == 404
    assert (await case.post(f"{place}/dismiss", judgement, "kim")).status_code == 403
    dismissed = await case.post(f"{place}/dismiss", judgement, "mia")
    assert (dismissed.status_code, dismissed.json()["state"]) == (200, "dismissed")
    assert (await case.post(f"{place}/uphold", judgement, "mia")).status_code == 409
    trail = await case.get(f"escalations/{await case.escalation_id()}/audit-trail", "mia")
    actions = [entry["action"] for entry in trail.json()["entries"]]
    assert {"complaint raised", "complaint judged"} <= set(actions)
    assert trail.json()["intact"]


async def test_accused_who_escalates_by_hand_sees_no_cause_about_themselves(case: Case) -> None:
    assert (await case.complain("kim")).status_code == 201
    body = {"contact_id": case.contact_id, "reason": "Above my limit"}
    answer = await case.post("escalations", body, "rita")
    assert answer.status_code == 201
    shown = answer.json()
    kinds = [cause["kind"] for cause in shown["causes"]]
    assert (kinds, shown["cause_count"]) == (["customer_request", "manual"], 2)
    assert "complaint" in {cause["kind"] for cause in (await case.escalation_shown())["causes"]}


async def test_admin_with_name_of_person_reads_complaints_as_admin(case: Case) -> None:
    """The admin reads what nobody judges, and is not who complains or whom it is about."""
    assert (await case.complain("sam")).status_code == 201
    (complaint,) = (await case.get("complaints", "mia")).json()["items"]
    place = f"complaints/{complaint['complaint_id']}"
    for caller in ("admin_sam", "admin_rita"):
        withdrawn = await case.post(f"{place}/withdraw", {}, caller)
        assert withdrawn.status_code == 403, withdrawn.text
        assert (await case.get(place, caller)).json()["by"] == "sam"


async def test_nothing_but_the_complaint_says_who_complains_or_what(
    case: Case, service: EscalationHarness
) -> None:
    assert (await case.complain("kim")).status_code == 201
    place = f"escalations/{await case.escalation_id()}"
    for path in (place, f"{place}/audit-trail", "escalations"):
        shown = (await case.get(path, "sam")).text
        assert "complaint" in shown
        assert "shouted" not in shown
        assert "kim" not in shown
    stored = await service.rows(
        "SELECT CAST(data AS text) || coalesce(cause, '') AS said FROM published_events"
    )
    assert not [row for row in stored if "shouted" in row.said or "kim" in row.said]


async def test_judges_are_those_of_the_line_when_it_was_raised(
    case: Case, service: EscalationHarness
) -> None:
    """Sam, rita's manager, is moved so that rita has other managers; mia stays the judge."""
    assert (await case.complain("kim")).status_code == 201
    await service.handle_events(
        described("bruno", "sam"), described("kim", "bruno"), described("rita", "bruno")
    )
    for caller, expected in (("sam", 0), ("bruno", 0), ("mia", 1)):
        assert len((await case.get("complaints", caller)).json()["items"]) == expected, caller
    (complaint,) = (await case.get("complaints", "mia")).json()["items"]
    place = f"complaints/{complaint['complaint_id']}"
    judgement = {"reason": "The recording shows a friendly call."}
    assert (await case.post(f"{place}/dismiss", judgement, "sam")).status_code == 404
    shown = (await case.get("escalations", "mia")).json()["items"][0]
    # Sam was rita's manager when it was raised: he does not hold it alone now either.
    handed = {"to": "sam", "context": "yours"}
    taken = f"escalations/{shown['escalation_id']}"
    assert (await case.post(f"{taken}/acknowledge", {}, "mia")).status_code == 200
    assert (await case.post(f"{taken}/hand-over", handed, "mia")).status_code == 403
    # A judge who has left judges no longer; nobody but an admin is left.
    await service.handle_events(described("mia", active=False))
    assert (await case.get("complaints", "mia")).json()["items"] == []
    # She still works on the escalation, so she sees that there is a complaint.
    assert (await case.post(f"{place}/dismiss", judgement, "mia")).status_code == 403
    assert (await case.post(f"{place}/dismiss", judgement, "ops")).status_code == 200


async def test_complaint_about_stranger_or_again_or_too_often_is_refused(
    case: Case, service: EscalationHarness
) -> None:
    for about, detail in (
        ("mia", "A complaint is about somebody else who has or had the contact"),
        ("kim", "A complaint is about somebody else who has or had the contact"),
        ("nobody", "There is no person nobody yet: put that person in router first"),
    ):
        refused = await case.complain("kim", about)
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["pointer"]) == (422, "body/about")
        assert error["detail"].startswith(detail)
    assert (await case.complain("kim")).status_code == 201
    assert (await case.complain("kim")).status_code == 409
    answers = []
    for _ in range(5):
        contact = await service.received()
        await service.handle_events(contact, assigned(contact))
        case.contact_id = contact.contact_id
        answers.append((await case.complain("kim")).status_code)
    assert answers == [201, 201, 201, 201, 429]


async def test_complaints_at_once_are_counted_like_those_one_after_another(
    case: Case, service: EscalationHarness
) -> None:
    """Kim has never complained before; the 429 says when there is room again."""
    contacts = [await service.received() for _ in range(12)]
    await service.handle_events(*contacts, *(assigned(contact) for contact in contacts))

    async def complain(contact_id: str) -> httpx.Response:
        body = {"contact_id": contact_id, "reason": TEXT, "about": "rita"}
        answer = await case.post("escalations", body, "kim")
        # On a busy machine one may wait too long for its turn; it may be sent again.
        return answer if answer.status_code != 503 else await complain(contact_id)

    answers = await asyncio.gather(*(complain(contact.contact_id) for contact in contacts))
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {answer.status_code for answer in refused} == {429}
    assert len(answers) - len(refused) == 5
    day_s = 24 * 3600
    for answer in refused:
        assert day_s - 60 < int(answer.headers["Retry-After"]) <= day_s


async def test_earlier_complaint_is_not_read_by_holder_of_a_later_escalation(
    case: Case, service: EscalationHarness
) -> None:
    """Sam is rita's manager: not who judges it, though any supervisor may hold an escalation."""
    assert (await case.complain("kim")).status_code == 201
    (complaint,) = (await case.get("complaints", "mia")).json()["items"]
    read = f"complaints/{complaint['complaint_id']}"
    first = f"escalations/{complaint['escalation_id']}"
    assert (await case.post(f"{first}/acknowledge", {}, "mia")).status_code == 200
    assert (await case.get(read, "mia")).status_code == 200
    assert (await case.post(f"{first}/hand-back", {"guidance": "go on"}, "mia")).status_code == 200
    body = {"contact_id": case.contact_id, "reason": "mine"}
    later = (await case.post("escalations", body, "sam")).json()["escalation_id"]
    assert later != complaint["escalation_id"]
    assert (await case.post(f"escalations/{later}/acknowledge", {}, "sam")).status_code == 200
    assert (await case.get(read, "sam")).status_code == 404
    assert (await case.get(read, "mia")).status_code == 200


async def test_line_manager_of_the_accused_ends_the_escalation_in_no_way(case: Case) -> None:
    """Sam, rita's manager, may hold it; resolving it or handing it back takes somebody else."""
    assert (await case.complain("kim")).status_code == 201
    place = f"escalations/{await case.escalation_id()}"
    assert (await case.post(f"{place}/acknowledge", {}, "sam")).status_code == 200
    for action, body in (
        ("resolve", {"outcome": "other", "note": "nothing"}),
        ("hand-back", {"guidance": "forget it"}),
    ):
        refused = await case.post(f"{place}/{action}", body, "sam")
        assert refused.status_code == 403, action
        assert "may not judge this complaint alone" in refused.json()["detail"]
    assert (await case.escalation_shown())["state"] == "acknowledged"


async def test_complaint_is_withdrawn_by_its_author(case: Case) -> None:
    await case.complain("bruno")
    (complaint,) = (await case.get("complaints", "bruno")).json()["items"]
    place = f"complaints/{complaint['complaint_id']}/withdraw"
    assert (await case.post(place, {}, "rita")).status_code == 404
    withdrawn = await case.post(place, {}, "bruno")
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "withdrawn")


async def test_representative_sees_escalations_of_own_contacts_only(
    case: Case, service: EscalationHarness
) -> None:
    stranger = await service.received()
    await service.handle_events(
        stranger,
        assigned(stranger, "lee"),
        SupervisorRequested(
            contact_id=stranger.contact_id, occurred_at=stranger.occurred_at, quote="Boss!"
        ),
    )
    listed = (await case.get("escalations", "rita")).json()["items"]
    assert [item["contact_id"] for item in listed] == [case.contact_id]
    everything = (await case.get("escalations", "sam")).json()["items"]
    assert {item["contact_id"] for item in everything} == {case.contact_id, stranger.contact_id}
    (hidden,) = (
        item["escalation_id"] for item in everything if item["contact_id"] == stranger.contact_id
    )
    for path in (
        f"escalations/{hidden}",
        f"contacts/{stranger.contact_id}/clocks",
    ):
        assert (await case.get(path, "rita")).status_code == 404
        assert (await case.get(path, "sam")).status_code == 200
    for params in ({"escalation_id": hidden}, {"contact_id": stranger.contact_id}):
        refused = await case.get("escalations/stream", "rita", **params)
        assert refused.status_code == 404
    assert (await case.get("escalations/stream", "rita")).status_code == 422
    own = listed[0]["escalation_id"]
    assert (await case.get(f"escalations/{own}/audit-trail", "rita")).status_code == 403
    assert (await case.get("lateness", "rita")).status_code == 403
    # Who raises one may see it.
    body = {"contact_id": stranger.contact_id, "reason": "He called me, too."}
    assert (await case.post("escalations", body, "rita")).status_code == 201
    assert (await case.get(f"escalations/{hidden}", "rita")).status_code == 200


async def test_representative_named_by_a_complaint_does_not_see_the_escalation(
    case: Case,
) -> None:
    place = f"escalations/{await case.escalation_id()}"
    assert (await case.get(place, "rita")).status_code == 200
    await case.complain("kim")
    assert (await case.get(place, "rita")).status_code == 404
    assert (await case.get("escalations", "rita")).json()["items"] == []
    # Bruno had the contact before: he sees it, but not whom the complaint is about.
    (cause,) = (
        cause
        for cause in (await case.get(place, "bruno")).json()["causes"]
        if cause["kind"] == "complaint"
    )
    assert (cause["about"], cause["by"], cause["complaint_id"]) == (None, None, None)


async def test_accused_who_escalates_by_hand_sees_it_as_it_were_without_the_complaint(
    case: Case, service: EscalationHarness
) -> None:
    """Nothing but complaints has raised it before, and two people are asked."""
    contact = await service.received()
    await service.handle_events(contact, assigned(contact))
    case.contact_id = contact.contact_id
    for caller in ("kim", "bruno"):
        complaint = await case.complain(caller)
        assert complaint.status_code == 201
    place = f"escalations/{complaint.json()['escalation_id']}"
    hidden = (await case.get(place, "mia")).json()
    assert (len(hidden["awaited"]), hidden["cause_count"]) == (2, 2)
    assert (await case.get(place, "rita")).status_code == 404
    body = {"contact_id": case.contact_id, "reason": "Above my limit"}
    raised = await case.post("escalations", body, "rita")
    assert raised.status_code == 201
    shown = await case.get(place, "rita")
    listed = (await case.get("escalations", "rita", contact_id=case.contact_id)).json()["items"]
    details = shown.json()
    assert [item["escalation_id"] for item in listed] == [details["escalation_id"]]
    for escalation in (raised.json(), details, *listed):
        (cause,) = escalation["causes"]
        assert (cause["kind"], cause["reason"]) == ("manual", "Above my limit")
        assert escalation["raised_at"] == cause["at"] > hidden["raised_at"]
        assert (escalation["version"], escalation["cause_count"], escalation["severity"]) == (
            None,
            1,
            "medium",
        )
        assert (escalation["level"], escalation["awaited"], escalation["deadline"]) == (0, [], None)
    for answer in (raised, shown):
        assert "ETag" not in answer.headers
        assert '"complaint"' not in answer.text
    # Filters tell nothing either.
    for filters in ({"cause": "complaint"}, {"severity": "high"}, {"person": "mia"}):
        answer = await case.get("escalations", "rita", contact_id=case.contact_id, **filters)
        assert answer.json()["items"] == [], filters


async def test_acknowledgement_clock_of_an_earlier_escalation_stays_for_the_accused(
    case: Case,
) -> None:
    first = f"escalations/{await case.escalation_id()}"
    policy = {**POLICY, "targets": [{"clock": "acknowledgement", "target_s": 60}]}
    assert (await case.put("sla-policies/gold", policy, "mia")).status_code == 200
    assert (await case.post(f"{first}/acknowledge", {}, "mia")).status_code == 200
    assert (await case.post(f"{first}/hand-back", {"guidance": "so"}, "mia")).status_code == 200
    body = {"contact_id": case.contact_id, "reason": "again"}
    second = (await case.post("escalations", body, "bruno")).json()["escalation_id"]
    second = f"escalations/{second}"
    assert (await case.post(f"{second}/acknowledge", {}, "mia")).status_code == 200
    assert (await case.post(f"{second}/hand-back", {"guidance": "so"}, "mia")).status_code == 200

    async def clock(caller: str) -> dict[str, Any]:
        clocks = (await case.get(f"contacts/{case.contact_id}/clocks", caller)).json()["clocks"]
        (shown,) = (each for each in clocks if each["clock"] == "acknowledgement")
        return {name: shown[name] for name in ("run", "state", "due_at", "met_at", "timeline")}

    before = await clock("rita")
    assert (before["run"], before["state"]) == (1, "met")
    assert (await case.complain("kim")).status_code == 201
    assert await clock("rita") == before
    assert (await clock("bruno"))["run"] == 2


async def test_representative_does_not_read_the_note_of_a_pending_approval(case: Case) -> None:
    place = f"escalations/{await case.escalation_id()}"
    assert (await case.post(f"{place}/acknowledge", {}, "sam")).status_code == 200
    proposed = {"outcome": "refund", "note": "Rita broke it", "amount": "5", "currency": "EUR"}
    approval = await case.post(f"{place}/resolve", proposed, "sam")
    assert approval.json()["approval"]["note"] == "Rita broke it"
    for path in (place, "escalations"):
        shown = await case.get(path, "rita")
        assert shown.status_code == 200
        assert "Rita broke it" not in shown.text


async def test_representative_does_not_read_what_colleagues_reported(case: Case) -> None:
    body = {"contact_id": case.contact_id, "reason": "Rita is too slow."}
    assert (await case.post("escalations", body, "bruno")).status_code == 201
    shown = await case.get(f"escalations/{await case.escalation_id()}", "rita")
    assert shown.status_code == 200
    assert "slow" not in shown.text
    assert "bruno" not in shown.text
