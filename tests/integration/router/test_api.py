"""What people see and do at the floor, over HTTP."""

import httpx
import pytest

from common.core.ids import new_id
from integration.router.conftest import Floor, key, received

RITA = {
    "name": "Rita",
    "team_id": "front",
    "skills": ["billing"],
    "languages": ["en", "de"],
    "capacity": 2,
}


async def hire(api: httpx.AsyncClient, name: str = "rita", **changes: object) -> None:
    put = await api.put(f"/v1/representatives/{name}", json={**RITA, **changes})
    assert put.status_code == 200, put.text
    seen = await api.put(f"/v1/representatives/{name}/presence", json={"state": "available"})
    assert seen.status_code == 200, seen.text


async def offered(api: httpx.AsyncClient, floor: Floor) -> str:
    """Have a contact offered to rita."""
    await hire(api, auto_accept=False)
    contact = received()
    await floor.tell(contact)
    return f"/v1/assignments/{contact.contact_id}"


async def test_a_representative_is_described_seen_and_shown(api: httpx.AsyncClient) -> None:
    new = await api.put("/v1/representatives/rita", json=RITA)
    assert new.json()["presence"] == "offline"

    seen = await api.put(
        "/v1/representatives/rita/presence", json={"state": "available"}, headers=key("rita")
    )

    assert (seen.json()["presence"], seen.json()["places"]) == ("available", 2)
    assert (await api.get("/v1/representatives/rita")).json() == seen.json()
    assert (await api.get("/v1/representatives")).json() == [seen.json()]


async def test_queues_show_who_waits_and_who_could_help(
    api: httpx.AsyncClient, floor: Floor
) -> None:
    await hire(api, capacity=3)
    await floor.tell(received(), received(topic_of_contact="orders"))

    billing_de, billing_en, orders = (await api.get("/v1/queues")).json()

    assert billing_de["queue"] == "billing/de"
    assert billing_en == {
        "queue": "billing/en",
        "waiting": 0,
        "oldest_waiting_s": None,
        "available_representatives": 1,
        "free_places": 2,
    }
    assert (orders["queue"], orders["waiting"]) == ("orders/en", 1)
    assert (orders["available_representatives"], orders["free_places"]) == (0, 0)
    assert orders["oldest_waiting_s"] > 0


async def test_an_offer_is_accepted_referred_and_released(
    api: httpx.AsyncClient, floor: Floor
) -> None:
    path = await offered(api, floor)
    assert (await api.get(path)).json()["state"] == "offered"

    accepted = await api.post(f"{path}/accept", headers=key("rita"))
    referred = await api.post(f"{path}/refer", json={"reason": "Angry."}, headers=key("rita"))
    again = await api.post(f"{path}/refer", json={"reason": "Angrier."}, headers=key("rita"))
    released = await api.post(f"{path}/release", json={"because": "Lunch."}, headers=key("rita"))

    assert (accepted.status_code, accepted.json()["state"]) == (200, "assigned")
    assert referred.json()["referral"] == "Angry."
    assert (again.status_code, again.json()["state"]) == (409, "assigned")
    assert (released.json()["state"], released.json()["passed"]) == ("queued", ["rita"])
    history = (await api.get(path)).json()["history"]
    assert [step["what"].split(" until")[0] for step in history] == [
        "Offered to rita",
        "Assigned to Rita: billing, en; the only one free; accepted after 0 s",
        "Referred to a supervisor by rita: Angry.",
        "Taken from rita: Lunch.",
        (
            "Queued for billing/en: nobody who can take billing, en is free, "
            "but for those who let it pass: rita"
        ),
    ]


async def test_what_is_declined_goes_to_the_next(api: httpx.AsyncClient, floor: Floor) -> None:
    path = await offered(api, floor)
    await hire(api, "sam", auto_accept=False)

    declined = await api.post(f"{path}/decline", json={"reason": "Busy."}, headers=key("rita"))

    assert declined.json()["representative_id"] == "sam"
    assert (await floor.person("rita")).load == 0


async def test_completing_frees_the_place(api: httpx.AsyncClient, floor: Floor) -> None:
    await hire(api)
    contact = received()
    await floor.tell(contact)

    done = await api.post(f"/v1/assignments/{contact.contact_id}/complete", headers=key("rita"))

    assert done.json()["state"] == "completed"
    assert (await floor.person("rita")).load == 0


async def test_a_representative_acts_on_its_own_only_and_a_supervisor_on_all(
    api: httpx.AsyncClient, floor: Floor
) -> None:
    path = await offered(api, floor)

    by_sam = await api.post(f"{path}/accept", headers=key("sam"))
    presence = await api.put(
        "/v1/representatives/rita/presence", json={"state": "away"}, headers=key("sam")
    )
    by_mia = await api.post(f"{path}/accept", headers=key("mia"))

    assert (by_sam.status_code, by_sam.json()["type"]) == (403, "urn:upstairs:problem:not-yours")
    assert presence.status_code == 403
    assert by_mia.status_code == 200


async def test_actions_in_a_wrong_state_say_the_state(api: httpx.AsyncClient, floor: Floor) -> None:
    path = await offered(api, floor)

    early = await api.post(f"{path}/complete", headers=key("rita"))

    assert (early.status_code, early.json()["state"]) == (409, "offered")
    assert (await floor.rows("SELECT type FROM journal")) == [("upstairs.contact_offered.v1",)]


async def test_what_nobody_knows_is_not_found(api: httpx.AsyncClient) -> None:
    unknown = new_id()
    assert (await api.get(f"/v1/assignments/{unknown}")).status_code == 404
    assert (await api.post(f"/v1/assignments/{unknown}/accept")).status_code == 404
    assert (await api.get("/v1/representatives/nobody")).status_code == 404
    away = await api.put("/v1/representatives/nobody/presence", json={"state": "away"})
    assert (away.status_code, away.json()["type"]) == (
        404,
        "urn:upstairs:problem:representative-unknown",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity": 0},
        {"capacity": 1001},
        {"capacity": "2"},
        {"skills": []},
        {"skills": ["billing/en"]},
        {"languages": ["English"]},
        {"offer_s": 0},
        {"name": ""},
        {"misspelt": 1},
    ],
)
async def test_a_representative_described_wrongly_is_refused(
    api: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    refused = await api.put("/v1/representatives/rita", json={**RITA, **wrong})

    assert (refused.status_code, refused.json()["type"]) == (422, "urn:upstairs:problem:invalid")
    assert (await api.get("/v1/representatives")).json() == []


async def test_every_route_asks_who_calls(api: httpx.AsyncClient) -> None:
    routes = {
        ("PUT", "/v1/representatives/rita"): ("channel", "rita"),
        ("PUT", "/v1/representatives/rita/presence"): ("channel",),
        ("GET", "/v1/representatives"): ("channel",),
        ("GET", "/v1/queues"): ("channel",),
        ("POST", f"/v1/assignments/{new_id()}/accept"): ("channel",),
    }
    for (method, path), refused in routes.items():
        for caller in refused:
            answer = await api.request(method, path, json=RITA, headers=key(caller))
            assert answer.status_code == 403, (path, caller)
        nobody = {"Authorization": ""}
        assert (await api.request(method, path, headers=nobody)).status_code == 401
