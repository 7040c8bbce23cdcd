"""The HTTP API of router."""

import httpx
import pytest

from common.core.ids import new_id
from integration.router.conftest import RouterHarness, key
from integration.router.examples import complete, received

RITA = {
    "name": "Rita",
    "roles": ["representative"],
    "team_id": "front",
    "skills": ["billing"],
    "languages": ["en", "de"],
}
WORKLOAD = {"capacity": 2, "auto_accept": True, "offer_s": 20}


async def put_person(api: httpx.AsyncClient, name: str = "rita", **changes: object) -> None:
    put = await api.put(f"/v1/people/{name}", json={**RITA, **changes}, headers=key("ops"))
    assert put.status_code == 200, put.text


async def hire(api: httpx.AsyncClient, name: str = "rita", **changes: object) -> None:
    workload = {field: changes.pop(field, default) for field, default in WORKLOAD.items()}
    await put_person(api, name, **changes)
    put = await api.put(f"/v1/representatives/{name}", json=workload)
    assert put.status_code == 200, put.text
    presence = await api.put(f"/v1/representatives/{name}/presence", json={"presence": "available"})
    assert presence.status_code == 200, presence.text


async def offered(api: httpx.AsyncClient, harness: RouterHarness) -> str:
    """Offer a contact to rita; return its path."""
    await hire(api, auto_accept=False)
    contact = received()
    await harness.handle_events(contact)
    return f"/v1/assignments/{contact.contact_id}"


async def test_representative_is_added_set_available_and_shown(api: httpx.AsyncClient) -> None:
    await put_person(api)
    new = await api.put("/v1/representatives/rita", json=WORKLOAD)
    assert new.json()["presence"] == "offline"

    presence = await api.put(
        "/v1/representatives/rita/presence", json={"presence": "available"}, headers=key("rita")
    )

    assert (presence.json()["presence"], presence.json()["free_slots"]) == ("available", 2)
    status = {
        **presence.json(),
        "longest_contact": None,
        "missed_offers": 0,
        "adjustment": None,
    }
    assert (await api.get("/v1/representatives/rita")).json() == status
    assert (await api.get("/v1/representatives")).json() == {
        "items": [status],
        "next_cursor": None,
    }


async def test_queues_show_waiting_contacts_and_free_slots(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await hire(api, capacity=3)
    await harness.handle_events(received(), received(topic_of_contact="orders"))

    billing_de, billing_en, orders = (await api.get("/v1/queues")).json()["items"]

    assert billing_de["queue"] == "billing/de"
    assert billing_en == {
        "queue": "billing/en",
        "waiting": 0,
        "oldest_waiting_s": None,
        "stands_in_for": [],
        "served": True,
        "available_representatives": 1,
        "free_slots": 2,
        "teams": [
            {"team_id": "front", "waiting": 0, "available_representatives": 1, "free_slots": 2}
        ],
    }
    assert (orders["queue"], orders["waiting"]) == ("orders/en", 1)
    assert (orders["available_representatives"], orders["free_slots"]) == (0, 0)
    assert orders["oldest_waiting_s"] > 0


async def test_offer_is_accepted_referred_and_released(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    path = await offered(api, harness)
    assert (await api.get(path)).json()["state"] == "offered"

    accepted = await api.post(f"{path}/accept", headers=key("rita"))
    referred = await api.post(f"{path}/refer", json={"reason": "Angry."}, headers=key("rita"))
    again = await api.post(f"{path}/refer", json={"reason": "Angrier."}, headers=key("rita"))
    released = await api.post(f"{path}/release", json={"reason": "Lunch."}, headers=key("rita"))

    assert (accepted.status_code, accepted.json()["state"]) == (200, "assigned")
    assert referred.json()["referral"] == "Angry."
    assert (again.status_code, again.json()["state"]) == (409, "assigned")
    assert (released.json()["state"], released.json()["declined_by"]) == ("queued", ["rita"])
    history = (await api.get(path)).json()["history"]
    assert [entry["text"].split(" until")[0] for entry in history] == [
        "Offered to rita",
        "Assigned to Rita: billing, en; the only one free; accepted after 0 s",
        "Referred to a supervisor by rita: Angry.",
        "Taken from rita: Lunch.",
        (
            "Queued for billing/en: nobody who can take billing, en is free, "
            "except those who declined it: rita"
        ),
    ]


async def test_history_of_an_assignment_comes_in_pages(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    path = await offered(api, harness)
    await api.post(f"{path}/accept", headers=key("rita"))
    await api.post(f"{path}/release", json={"reason": "Lunch."}, headers=key("rita"))
    whole = (await api.get(path)).json()
    first = (await api.get(f"{path}?limit=2")).json()
    second = (await api.get(f"{path}?limit=2&cursor={first['next_cursor']}")).json()
    assert len(first["history"]) == 2
    assert first["history"] + second["history"] == whole["history"]
    assert (whole["next_cursor"], second["next_cursor"]) == (None, None)


async def test_declined_offer_goes_to_the_next_representative(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    path = await offered(api, harness)
    await hire(api, "sam", auto_accept=False)

    declined = await api.post(f"{path}/decline", json={"reason": "Busy."}, headers=key("rita"))

    assert declined.json()["representative_id"] == "sam"
    assert (await harness.person("rita")).load == 0


async def test_completion_frees_the_slot(api: httpx.AsyncClient, harness: RouterHarness) -> None:
    await hire(api)
    contact = received()
    await harness.handle_events(contact)

    done = await api.post(f"/v1/assignments/{contact.contact_id}/complete", headers=key("rita"))

    assert done.json()["state"] == "completed"
    assert (await harness.person("rita")).load == 0


async def test_representative_acts_on_own_contacts_only_and_supervisor_on_all(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    path = await offered(api, harness)

    by_sam = await api.post(f"{path}/accept", headers=key("sam"))
    presence = await api.put(
        "/v1/representatives/rita/presence", json={"presence": "away"}, headers=key("sam")
    )
    by_mia = await api.post(f"{path}/accept", headers=key("mia"))

    assert by_sam.status_code == 404
    assert presence.status_code == 403
    assert by_mia.status_code == 200


async def test_action_in_a_wrong_state_answers_the_state(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    path = await offered(api, harness)

    early = await api.post(f"{path}/complete", headers=key("rita"))

    assert (early.status_code, early.json()["state"]) == (409, "offered")
    assert (
        await harness.rows("SELECT type FROM published_events WHERE topic = 'assignments'")
    ) == [("upstairs.contact_offered.v1",)]


async def test_unknown_ids_are_not_found(api: httpx.AsyncClient) -> None:
    unknown = new_id()
    assignment = await api.get(f"/v1/assignments/{unknown}")
    assert (assignment.status_code, assignment.json()["type"]) == (
        404,
        "urn:upstairs:problem:assignment-not-found",
    )
    assert (await api.post(f"/v1/assignments/{unknown}/accept")).status_code == 404
    assert (await api.get("/v1/representatives/nobody")).status_code == 404
    away = await api.put("/v1/representatives/nobody/presence", json={"presence": "away"})
    assert (away.status_code, away.json()["type"]) == (
        404,
        "urn:upstairs:problem:representative-not-found",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity": 0},
        {"capacity": 1001},
        {"capacity": "2"},
        {"offer_s": 0},
        {"misspelt": 1},
    ],
)
async def test_invalid_workload_is_refused(
    api: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    await hire(api)
    before = (await api.get("/v1/representatives/rita")).json()
    refused = await api.put("/v1/representatives/rita", json={**WORKLOAD, **wrong})

    assert (refused.status_code, refused.json()["type"]) == (422, "urn:upstairs:problem:invalid")
    assert (await api.get("/v1/representatives/rita")).json() == before


async def test_workload_of_nobody_is_not_found(api: httpx.AsyncClient) -> None:
    unknown = await api.put("/v1/representatives/rita", json=WORKLOAD)
    assert unknown.status_code == 404
    await put_person(api, roles=["supervisor"])
    assert (await api.put("/v1/representatives/rita", json=WORKLOAD)).status_code == 404


async def test_routes_refuse_callers_without_the_role(api: httpx.AsyncClient) -> None:
    routes = {
        ("PUT", "/v1/representatives/rita"): ("channel", "rita"),
        ("PUT", "/v1/representatives/rita/presence"): ("channel",),
        ("GET", "/v1/representatives"): ("channel",),
        ("GET", "/v1/queues"): ("channel",),
        ("GET", "/v1/assignments"): ("channel",),
        ("POST", f"/v1/assignments/{new_id()}/accept"): ("channel",),
    }
    for (method, path), refused in routes.items():
        for caller in refused:
            answer = await api.request(method, path, json=WORKLOAD, headers=key(caller))
            assert answer.status_code == 403, (path, caller)
        nobody = {"Authorization": ""}
        assert (await api.request(method, path, headers=nobody)).status_code == 401


async def test_assignments_are_listed_newest_first_by_page(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    contacts = [received() for _ in range(5)]
    await harness.handle_events(*contacts)
    newest_first = sorted((contact.contact_id for contact in contacts), reverse=True)

    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.get("/v1/assignments", params={"limit": 2, **cursor})).json()
        pages.append([item["contact_id"] for item in page["items"]])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:]]


async def test_assignments_are_filtered_by_state_and_representative(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await hire(api, capacity=1)
    assigned = received()
    await harness.handle_events(assigned)
    done = received(language="de")
    queued = received()
    await harness.handle_events(queued)
    await hire(api, "sam", languages=["de"])
    await harness.handle_events(done)
    await complete(harness, done.contact_id)

    async def listed(**params: str | list[str]) -> list[str]:
        answer = await api.get("/v1/assignments", params=params)
        assert answer.status_code == 200, answer.text
        return [item["contact_id"] for item in answer.json()["items"]]

    assert await listed(state="queued") == [queued.contact_id]
    assert await listed(state=["completed", "assigned"]) == sorted(
        [assigned.contact_id, done.contact_id], reverse=True
    )
    assert await listed(representative="rita") == [assigned.contact_id]
    assert await listed(representative="sam") == []
    assert (await api.get("/v1/assignments", params={"state": "lost"})).status_code == 422


async def test_representative_lists_own_assignments_only(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await hire(api, capacity=1)
    assigned = received()
    await harness.handle_events(assigned, received())

    own = await api.get("/v1/assignments", headers=key("rita"))
    of_rita = await api.get("/v1/assignments?representative=rita", headers=key("sam"))

    assert [item["contact_id"] for item in own.json()["items"]] == [assigned.contact_id]
    assert (of_rita.status_code, of_rita.json()["type"]) == (403, "urn:upstairs:problem:not-yours")


async def test_representatives_and_queues_are_listed_by_page(api: httpx.AsyncClient) -> None:
    for name in ("sam", "rita", "adam"):
        await hire(api, name, skills=[name])

    for path, field, expected in (
        ("/v1/representatives", "representative_id", ["adam", "rita", "sam"]),
        (
            "/v1/queues",
            "queue",
            ["adam/de", "adam/en", "rita/de", "rita/en", "sam/de", "sam/en"],
        ),
    ):
        listed: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await api.get(path, params={"limit": 2, **cursor})).json()
            listed += [item[field] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert listed == expected


async def test_profile_and_presence_are_published_when_they_change(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    for body in ({"presence": "away", "reason": "lunch"}, {"presence": "available"}):
        for _ in range(2):
            await put_person(api)
            answer = await api.put("/v1/representatives/rita/presence", json=body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["presence_reason"] == body.get("reason")

    events = await harness.rows(
        "SELECT topic, key, sequence, type, data->>'presence' AS presence,"
        " data->>'reason' AS reason FROM published_events ORDER BY id"
    )
    assert [tuple(row) for row in events] == [
        ("people", "rita", 1, "upstairs.person_described.v1", None, None),
        ("people", "rita", 2, "upstairs.representative_described.v1", None, None),
        ("people", "rita", 3, "upstairs.presence_changed.v1", "away", "lunch"),
        ("people", "rita", 4, "upstairs.presence_changed.v1", "available", None),
    ]


async def test_inactive_representative_gets_no_contact(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await hire(api)
    await put_person(api, active=False)
    contact = received()

    await harness.handle_events(contact)

    assert (await harness.assignment(contact.contact_id)).state == "queued"
    assert [queue["queue"] for queue in (await api.get("/v1/queues")).json()["items"]] == [
        "billing/en"
    ]
    await hire(api, active=True)
    assert (await harness.assignment(contact.contact_id)).representative_id == "rita"


async def test_skills_and_languages_have_one_spelling(api: httpx.AsyncClient) -> None:
    await hire(api, skills=["Billing", "billing"], languages=["PT_br", "pt-BR", "EN"])
    shown = (await api.get("/v1/representatives/rita")).json()
    assert shown["skills"] == ["billing"]
    assert shown["languages"] == ["en", "pt-BR"]


async def test_queue_counts_who_speaks_a_matching_language(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    await harness.handle_events(received(language="pt-BR"))
    await hire(api, languages=["pt"], capacity=3)
    pt, *_ = (await api.get("/v1/queues")).json()["items"]
    assert (pt["queue"], pt["available_representatives"], pt["free_slots"]) == ("billing/pt", 1, 2)
    await api.put("/v1/representatives/rita/presence", json={"presence": "away"})
    await harness.handle_events(received(language="pt-BR"))
    _, brazilian = (await api.get("/v1/queues")).json()["items"]
    assert (brazilian["queue"], brazilian["waiting"]) == ("billing/pt-BR", 1)
    await api.put("/v1/representatives/rita/presence", json={"presence": "available"})
    (pt,) = (await api.get("/v1/queues")).json()["items"]
    assert (pt["available_representatives"], pt["free_slots"]) == (1, 1)
