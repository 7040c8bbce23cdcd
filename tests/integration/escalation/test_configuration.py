"""Which policy a contact would get, who would be asked, and what is wrong with the settings."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.contracts.event import PersonId, TeamId
from common.contracts.notifications import Medium, RecipientChanged
from common.contracts.people import RepresentativeDescribed
from common.core.clock import TimeSource
from console.views.settings.problem_words import problem_sentence
from integration.escalation.conftest import LADDER, POLICY, EscalationHarness, key
from integration.escalation.duty_examples import PLACE, ROTATION
from support.people import described
from unit.console.answers import reader

GERMAN = reader(language="de")
DAY = timedelta(days=1)


async def put(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    response = await api.put(f"/v1/{path}", json=body, headers=key("ops"))
    assert response.status_code == 200, response.text


async def test_contact_is_told_its_policy_and_why_not_the_others(
    configured: httpx.AsyncClient,
) -> None:
    matches = {
        "vips": {"tier": ["vip"], "topic": ["billing"]},
        "billing": {"topic": ["billing"]},
        "bills": {"topic": ["billing", "invoices"]},
        "french": {"topic": ["billing"], "language": ["fr"]},
    }
    for policy_id, match in matches.items():
        await put(configured, f"sla-policies/{policy_id}", {**POLICY, "match": match})
    facts = {"topic": "Billing", "language": "fr-CA", "tier": "standard"}
    answer = await configured.post("/v1/sla-policies/match", json=facts, headers=key("rita"))
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["policy"], shown["calendar"], shown["ladder_id"]) == (
        {"id": "french", "version": 1},
        None,
        "default",
    )
    assert {other["policy"]["id"]: other["reason"] for other in shown["others"]} == {
        "billing": "It matches too, but french has more keys.",
        "bills": "It matches too, but french has more keys.",
        "gold": "It matches too, but french has more keys.",
        "vips": "It is for another tier.",
    }
    (mismatch,) = next(
        other["mismatches"] for other in shown["others"] if other["policy"]["id"] == "vips"
    )
    assert mismatch == {"key": "tier", "allowed": ["vip"], "value": "standard"}
    english = await configured.post("/v1/sla-policies/match", json={"topic": "billing"})
    reasons = {each["policy"]["id"]: each["reason"] for each in english.json()["others"]}
    assert english.json()["policy"]["id"] == "billing"
    assert reasons["bills"] == "It matches too, but billing comes first by its id."
    assert reasons["french"] == "It is for another language."


async def test_match_agrees_with_the_policy_that_a_contact_gets(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    await put(configured, "sla-policies/bills", {**POLICY, "match": {"topic": ["billing"]}})
    contact = await service.received()
    await service.handle_events(contact)
    shown = await configured.get(f"/v1/contacts/{contact.contact_id}/clocks")
    policies = {clock["policy"]["id"] for clock in shown.json()["clocks"]}
    facts = {"topic": contact.topic_of_contact, "priority": contact.priority}
    answer = await configured.post("/v1/sla-policies/match", json=facts)
    assert policies == {answer.json()["policy"]["id"]}


async def test_people_asked_are_shown_by_level_with_those_skipped(
    duty: httpx.AsyncClient, service: EscalationHarness
) -> None:
    line = {"name": "line", "acknowledge_within_s": 60, "who": [{"kind": "reporting_line"}]}
    await put(duty, "ladders/default", {**LADDER, "levels": [line, *LADDER["levels"]]})
    await service.handle_events(described("rita", "kim"))
    now = await service.now()
    current = (await duty.get(f"{PLACE}/on-duty")).json()["person_ids"][0]

    async def levels(**query: str) -> list[tuple[list[str], list[str]]]:
        shown = await duty.get("/v1/ladders/default/who", params=query)
        assert shown.status_code == 200, shown.text
        return [
            ([person["person_id"] for person in level["people"]], level["skipped"])
            for level in shown.json()["levels"]
        ]

    assert await levels(representative_id="rita") == [(["kim"], []), ([current], []), (["mia"], [])]
    away = {"absences": [{"from": now.isoformat(), "until": (now + DAY).isoformat()}]}
    await put(duty, f"absences/{current}", away)
    assert (await levels())[:2] == [
        ([], ["line: no representative yet"]),
        ([], [f"supervisors: {current} is absent", "nobody on duty at supervisors"]),
    ]
    later = now + 2 * DAY
    assert (await levels(at=later.isoformat()))[1] == ([current], [])
    past = await duty.get("/v1/ladders/default/who", params={"at": (now - DAY).isoformat()})
    assert (past.status_code, past.json()["errors"][0]["pointer"]) == (422, "query/at")


async def test_problem_is_named_where_stand_ins_are_away_too(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    await reach(service, "operations", "sam", "mia", "lee")
    now = await service.now()
    end, ill = now + 20 * DAY, now + 3 * DAY
    for person, since, stand_in in (("sam", now, "lee"), ("lee", ill, "sam")):
        period = {"from": since.isoformat(), "until": end.isoformat(), "stand_in": stand_in}
        await put(configured, f"absences/{person}", {"absences": [period]})
    listed = [each for each in await problems(configured) if each["kind"] == "absences"]
    assert [(each["code"], each["setting_id"], each["place"]) for each in listed] == [
        ("nobody-stands-in", "lee", "absences/0/stand_in"),
        ("nobody-stands-in", "sam", "absences/0/stand_in"),
    ]
    for each in listed:
        assert (each["parameters"]["start"], each["parameters"]["end"]) == (
            ill.isoformat(),
            end.isoformat(),
        )


async def test_problems_name_what_is_wrong_with_valid_settings(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    await reach(service, "operations", "sam", "mia", "lee")
    assert await codes(configured) == []
    now = await service.now()
    override = {
        "person_id": "lee",
        "from": (now + DAY).isoformat(),
        "until": (now + 2 * DAY).isoformat(),
    }
    lent = await configured.post(f"{PLACE}/overrides", json=override)
    assert lent.status_code == 200, lent.text
    for person in ("sam", "lee"):
        away = {"absences": [{"from": now.isoformat(), "until": (now + 20 * DAY).isoformat()}]}
        await put(configured, f"absences/{person}", away)
    policies = {"a": {"tier": ["vip", "premium"]}, "b": {"tier": ["vip"]}}
    for policy_id, match in policies.items():
        await put(configured, f"sla-policies/{policy_id}", {**POLICY, "match": match})
    await put(configured, "teams/front", {"supervisors": ["lee", "mia"]})
    await service.handle_events(described("mia", active=False))
    assert await codes(configured) == [
        ("policy-never-matches", "sla-policies/b", "match"),
        ("level-finds-nobody", "ladders/default", "levels/0/who"),
        ("level-finds-nobody", "ladders/default", "levels/1/who"),
        ("duty-gap", "duty-schedules/supervisors", ""),
        ("override-for-absent-person", "duty-schedules/supervisors", ""),
        ("person-missing", "ladders/default", "levels/1/who/0/person_id"),
        ("person-missing", "teams/front", "supervisors/1"),
    ]
    parameters = {each["code"]: each["parameters"] for each in await problems(configured)}
    assert parameters["person-missing"] == {"person_id": "mia", "has_left": True}
    assert parameters["policy-never-matches"] == {"taken_by": "a"}
    assert parameters["override-for-absent-person"] == {
        "person_id": "lee",
        "start": (now + DAY).isoformat(),
        "end": (now + 2 * DAY).isoformat(),
    }
    top = (await configured.get("/v1/ladders/default/who")).json()["levels"][1]
    assert top["skipped"] == ["managers: mia has left"]
    assert top["vacancies"] == parameters["level-finds-nobody"]["vacancies"]
    assert (top["vacancies"][0]["code"], top["vacancies"][0]["people"]) == ("has-left", ["mia"])


async def problems(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    """List what is wrong; the parameters of each are enough to say it in another language."""
    listed = (await api.get("/v1/configuration/problems", headers=key("sam"))).json()
    items: list[dict[str, Any]] = listed["items"]
    for item in items:
        sentence = problem_sentence(item, GERMAN)
        assert sentence not in (None, "", problem_sentence(item, reader())), item
    return items


async def codes(api: httpx.AsyncClient) -> list[tuple[str, str, str]]:
    return [
        (each["code"], f"{each['kind']}/{each['setting_id']}", each["place"])
        for each in await problems(api)
    ]


@pytest.mark.parametrize("zones", [("Europe/Berlin", "America/New_York")])
async def test_odd_weeks_of_zones_are_a_problem_to_know(
    configured: httpx.AsyncClient, zones: tuple[str, str]
) -> None:
    days = ("mon", "tue", "wed")
    rotations = [
        {**ROTATION, "zone": zone, "hours": {day: [hours] for day in days}}
        for zone, hours in zip(zones, (("08:00", "16:00"), ("10:00", "18:00")), strict=True)
    ]
    covers = {"zone": "UTC", "hours": {day: [["08:00", "12:00"]] for day in days}}
    await put(configured, "duty-schedules/sun", {"rotations": rotations, "covers": covers})
    assert ("duty-overlap-in-some-weeks", "duty-schedules/sun", "rotations/1/hours") in await codes(
        configured
    )


async def test_empty_settings_have_their_problems(api: httpx.AsyncClient) -> None:
    assert await codes(api) == [
        ("contacts-without-policy", "sla-policies/", ""),
        ("no-default-ladder", "ladders/default", ""),
        ("no-contact-method", "recipients/operations", ""),
    ]


async def reach(
    service: EscalationHarness, *people: str, media: tuple[Medium, ...] = ("email",)
) -> None:
    now = await service.now()
    await service.handle_events(
        *(
            RecipientChanged(person_id=PersonId(person), occurred_at=now, media=media)
            for person in people
        )
    )


async def details(api: httpx.AsyncClient, code: str) -> dict[str, str]:
    return {
        f"{each['kind']}/{each['setting_id']} {each['place']}".strip(): each["detail"]
        for each in await problems(api)
        if each["code"] == code
    }


async def test_people_who_may_be_paged_and_have_no_contact_method_are_a_problem(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    """By ladder, schedule, change of a schedule, team, role and reporting line."""
    await put(configured, "teams/front", {"supervisors": ["lee"]})
    now = await service.now()
    override = {
        "person_id": "kim",
        "from": (now + DAY).isoformat(),
        "until": (now + 2 * DAY).isoformat(),
    }
    lent = await configured.post(f"{PLACE}/overrides", json=override)
    assert lent.status_code == 200, lent.text
    await service.handle_events(
        described("dora", roles=("director",)),
        described("theo", roles=("representative",), reports_to="ned"),
        described("ned"),
        described("rui", roles=("representative",)),
        described("gone", roles=("manager",), active=False),
    )
    shown = await details(configured, "no-contact-method")
    assert list(shown) == ["recipients/operations"] + [
        f"people/{person}" for person in ("dora", "kim", "lee", "mia", "ned", "sam")
    ]
    assert shown["people/mia"] == (
        "mia has no contact method, so no page arrives. "
        "Asked as: ladders/default levels/1/who/0/person_id."
    )
    assert shown["people/kim"].endswith("Asked as: a change of supervisors.")
    assert shown["people/ned"].endswith("Asked as: superior.")
    await reach(service, "operations", "dora", "kim", "lee", "mia", "ned", "sam")
    assert await details(configured, "no-contact-method") == {}
    await reach(service, "mia", media=())
    assert list(await details(configured, "no-contact-method")) == ["people/mia"]


async def test_older_change_of_a_recipient_changes_nothing(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    await reach(service, "operations", "sam", "mia")
    old = RecipientChanged(
        person_id=PersonId("mia"), occurred_at=await service.now() - DAY, media=()
    )
    await service.handle_events(old)
    assert await details(configured, "no-contact-method") == {}


async def test_topics_that_no_active_representative_serves_are_a_problem(
    configured: httpx.AsyncClient, service: EscalationHarness
) -> None:
    match = {"topic": ["billing", "warranty"], "language": ["pt", "de"]}
    await put(configured, "sla-policies/bills", {**POLICY, "match": match})
    await put(configured, "sla-policies/calls", {**POLICY, "match": {"topic": ["sales"]}})
    await service.handle_events(
        await service.received(topic_of_contact="sales", language="pt-BR"),
        await service.received(topic_of_contact="sales", language="ja"),
        await service.received(topic_of_contact="sales", language="ja"),
        serving("rita", "billing", "sales", languages=("pt-BR",)),
        serving("rui", "warranty", languages=("de",), active=False),
    )
    assert await details(configured, "topic-not-served") == {
        "sla-policies/bills match/topic/0": (
            "No active representative with the skill billing speaks de."
        ),
        "sla-policies/bills match/topic/1": "No active representative has the skill warranty.",
        "queues/sales/ja": (
            "No active representative with the skill sales speaks ja. 2 open contacts need it."
        ),
    }
    await service.handle_events(
        serving("rui", "warranty", "billing", "sales", languages=("de", "ja", "pt"))
    )
    assert await details(configured, "topic-not-served") == {}


def serving(
    person: str, *skills: str, languages: tuple[str, ...], active: bool = True
) -> RepresentativeDescribed:
    return RepresentativeDescribed(
        person_id=PersonId(person),
        occurred_at=TimeSource().utc_now(),
        name=person,
        team_id=TeamId("front"),
        skills=skills,
        languages=languages,
        capacity=1,
        auto_accept=True,
        offer_s=60,
        active=active,
    )
