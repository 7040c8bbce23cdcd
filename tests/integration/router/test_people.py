"""People are put once, in router: who may put whom, what is refused, what is published."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from common.contracts.people import PersonDescribed
from common.storage.api_keys import SCOPES, ApiKeyStore, ListedKey, make_key
from common.storage.database import Database
from integration.router.conftest import RouterHarness
from router.main import build
from router.settings import Settings
from router.store import UnitOfWork
from support.departures import access_of, add_keys
from support.service_harness import Keys, open_client

key = Keys(
    shop="channel:shop:shop-key",
    rita="representative:rita:rita-key",
    sara="supervisor:sara:sara-key",
    mia="manager:mia:mia-key",
    max="manager:max:max-key",
    zoe="manager:zoe:zoe-key",
    dora="manager:dora:dora-key",
    ops="admin:ops:ops-key",
)
# dora > mia > sara > rita; dora > max; zoe is nobody whom router knows.
LINE: dict[str, str | None] = {
    "dora": None,
    "mia": "dora",
    "max": "dora",
    "sara": "mia",
    "rita": "sara",
}
MAIL = {"medium": "email", "address": "rita@example.com"}


def entry(person: str, **changes: object) -> dict[str, Any]:
    return {"name": person.title(), "reports_to": LINE.get(person), **changes}


@pytest.fixture
async def line(database: Database[UnitOfWork]) -> AsyncIterator[httpx.AsyncClient]:
    """The API of router, where these people are put; called by the admin."""
    async with open_client(build, Settings, database, key) as api:
        api.headers.update(key("ops"))
        for name in LINE:
            put = await api.put(f"/v1/people/{name}", json=entry(name))
            assert put.status_code == 200, put.text
        yield api


async def everybody(api: httpx.AsyncClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.get("/v1/people")).json()["items"]
    return items


async def test_person_is_put_shown_and_listed(line: httpx.AsyncClient) -> None:
    body = entry("rita", roles=["supervisor"], team_id="front", languages=["en"], skills=["a"])
    put = await line.put("/v1/people/rita", json={**body, "contact_methods": [MAIL]})
    assert put.json() == {**body, "person_id": "rita", "version": 2, "active": True}
    assert put.headers["ETag"] == '"2"'
    shown = await line.get("/v1/people/rita", headers=key("rita"))
    assert (shown.json(), shown.headers["ETag"]) == (put.json(), '"2"')
    listed: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await line.get("/v1/people", params={"limit": 2, **cursor})).json()
        listed += [item["person_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert listed == sorted(LINE)
    assert (await line.get("/v1/people/nobody")).status_code == 404


@pytest.mark.parametrize(
    ("caller", "person", "changes"),
    [
        ("mia", "mia", {}),
        ("mia", "mia", {"reports_to": "sara"}),
        ("mia", "mia", {"active": False}),
        ("mia", "dora", {"reports_to": "mia"}),
        ("mia", "dora", {"active": False}),
        ("mia", "max", {"reports_to": "mia"}),
        ("mia", "max", {"contact_methods": [MAIL]}),
        ("mia", "sara", {"reports_to": "dora"}),
        ("mia", "sara", {"reports_to": "max"}),
        ("mia", "sara", {"reports_to": None}),
        ("mia", "lee", {"reports_to": None}),
        ("mia", "lee", {"reports_to": "dora"}),
        ("mia", "lee", {"reports_to": "max"}),
        ("zoe", "zoe", {"reports_to": None}),
        ("zoe", "lee", {"reports_to": "zoe"}),
        ("zoe", "rita", {}),
        ("sara", "rita", {}),
        ("rita", "rita", {}),
        ("shop", "rita", {}),
        ("dora", "dora", {"name": "Queen"}),
    ],
)
async def test_nobody_puts_themselves_superiors_people_beside_or_new_ones_elsewhere(
    line: httpx.AsyncClient,
    harness: RouterHarness,
    caller: str,
    person: str,
    changes: dict[str, Any],
) -> None:
    before = await everybody(line), await harness.rows("SELECT * FROM published_events")
    refused = await line.put(
        f"/v1/people/{person}", json=entry(person, **changes), headers=key(caller)
    )
    assert refused.status_code == 403, refused.text
    assert (await everybody(line), await harness.rows("SELECT * FROM published_events")) == before


@pytest.mark.parametrize(
    ("caller", "person", "changes"),
    [
        ("mia", "sara", {"name": "S."}),
        ("mia", "rita", {"reports_to": "mia"}),
        ("mia", "rita", {"active": False}),
        ("mia", "rita", {"contact_methods": [MAIL]}),
        ("mia", "lee", {"reports_to": "rita"}),
        ("mia", "lee", {"reports_to": "mia"}),
        ("dora", "rita", {"reports_to": "max"}),
        ("ops", "dora", {"name": "Queen"}),
        ("ops", "lee", {}),
    ],
)
async def test_manager_puts_people_below_and_admin_everybody(
    line: httpx.AsyncClient, caller: str, person: str, changes: dict[str, Any]
) -> None:
    put = await line.put(f"/v1/people/{person}", json=entry(person, **changes), headers=key(caller))
    assert put.status_code == 200, put.text


async def test_manager_makes_nobody_supervisor_of_a_team_with_people_who_are_not_below(
    line: httpx.AsyncClient,
) -> None:
    """Where no setting names its supervisors, such an entry decides who is paged for the team."""
    for person, team in (("max", "back"), ("sara", "front"), ("rita", "front")):
        body = entry(person, team_id=team)
        assert (await line.put(f"/v1/people/{person}", json=body)).status_code == 200
    supervisor = {"roles": ["supervisor"]}
    for person, changes, status in (
        ("sara", {**supervisor, "team_id": "back"}, 403),
        ("lee", {**supervisor, "team_id": "back", "reports_to": "sara"}, 403),
        ("sara", {"team_id": "back"}, 200),
        ("sara", {**supervisor, "team_id": "back"}, 403),
        ("sara", {**supervisor, "team_id": "front"}, 200),
        ("lee", {**supervisor, "team_id": "new", "reports_to": "sara"}, 200),
        ("lee", {**supervisor, "team_id": "back", "active": False, "reports_to": "sara"}, 200),
        ("lee", {**supervisor, "team_id": "back", "reports_to": "sara"}, 403),
    ):
        body = entry(person, **changes)
        put = await line.put(f"/v1/people/{person}", json=body, headers=key("mia"))
        assert put.status_code == status, (person, changes, put.text)
        assert status == 200 or "max of the team back" in put.json()["detail"]
    # The admin may, and what is there already may stay.
    body = entry("sara", **supervisor, team_id="back")
    assert (await line.put("/v1/people/sara", json=body)).status_code == 200
    named = await line.put("/v1/people/sara", json={**body, "name": "S."}, headers=key("mia"))
    assert named.status_code == 200, named.text


async def test_manager_puts_nobody_new_who_has_the_key_of_a_supervisor_or_manager(
    line: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    """Zoe may be anybody's superior, though nobody has put her yet."""
    async with database.transaction() as uow:
        added = await ApiKeyStore(uow.connection).add(
            ListedKey("manager", "zoe", make_key()),
            scopes=SCOPES,
            origin="command",
            by="test",
            now=uow.now,
        )
        assert added
    zoe = entry("zoe", reports_to="mia")
    refused = await line.put("/v1/people/zoe", json=zoe, headers=key("mia"))
    assert (refused.status_code, "an admin puts the entry" in refused.text) == (403, True)
    assert (await line.put("/v1/people/zoe", json=zoe)).status_code == 200
    renamed = {**zoe, "name": "Z."}
    assert (await line.put("/v1/people/zoe", json=renamed, headers=key("mia"))).status_code == 200


async def test_manager_who_left_or_was_moved_away_puts_nobody(line: httpx.AsyncClient) -> None:
    await line.put("/v1/people/sara", json=entry("sara", reports_to="max"))
    refused = await line.put("/v1/people/rita", json=entry("rita"), headers=key("mia"))
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:upstairs:problem:not-below-you"
    left = await line.put("/v1/people/mia", json=entry("mia", active=False))
    assert left.status_code == 200
    lee = entry("lee", reports_to="mia")
    assert (await line.put("/v1/people/lee", json=lee, headers=key("mia"))).status_code == 403


@pytest.mark.parametrize(
    ("person", "changes", "place", "detail"),
    [
        ("lee", {"reports_to": "none"}, "reports_to", "There is no person none"),
        ("dora", {"reports_to": "rita"}, "reports_to", "dora → rita → sara → mia → dora"),
        ("rita", {"reports_to": "rita"}, "reports_to", "rita → rita"),
        ("sara", {"active": False}, "active", "rita would report to nobody"),
        ("rita", {"roles": ["representative"]}, "team_id", "representative"),
        (
            "rita",
            {"roles": ["representative"], "team_id": "t", "languages": ["en"]},
            "skills",
            "representative",
        ),
        ("operations", {}, "name", "no person"),
        ("rita", {"name": ""}, "name", ""),
        ("rita", {"roles": ["king"]}, "roles/0", ""),
        ("rita", {"role": "king"}, "role", ""),
        ("rita", {"contact_methods": [MAIL, MAIL]}, "contact_methods", "each medium"),
        (
            "rita",
            {"contact_methods": [{"medium": "email", "address": "nowhere"}]},
            "contact_methods/0/address",
            "",
        ),
    ],
)
async def test_entry_that_does_not_fit_is_refused_with_its_place(
    line: httpx.AsyncClient, person: str, changes: dict[str, Any], place: str, detail: str
) -> None:
    before = await everybody(line)
    refused = await line.put(f"/v1/people/{person}", json=entry(person, **changes))
    error = refused.json()["errors"][0]
    assert (refused.status_code, error["pointer"]) == (422, f"body/{place}")
    assert detail in error["detail"]
    assert await everybody(line) == before


async def test_person_who_left_gets_no_new_subordinate(line: httpx.AsyncClient) -> None:
    await line.put("/v1/people/rita", json=entry("rita", active=False))
    refused = await line.put("/v1/people/lee", json=entry("lee", reports_to="rita"))
    assert refused.json()["errors"][0]["detail"] == "rita has left."
    active = (await line.get("/v1/people?active=true")).json()["items"]
    assert [person["person_id"] for person in active] == ["dora", "max", "mia", "sara"]


async def test_stale_etag_is_refused_with_the_entry_in_force(line: httpx.AsyncClient) -> None:
    changed = entry("rita", name="R.")
    for tag, status in (('"1"', 200), ('"1"', 412), ("*", 200)):
        answer = await line.put("/v1/people/rita", json=changed, headers={"If-Match": tag})
        assert answer.status_code == status
        if status == 412:
            assert answer.json()["current"]["version"] == 2
            assert answer.headers["ETag"] == '"2"'
    new = await line.put("/v1/people/lee", json=entry("lee"), headers={"If-Match": "*"})
    assert (new.status_code, new.json()["current"]) == (412, None)


async def test_new_person_is_put_only_if_there_is_none(line: httpx.AsyncClient) -> None:
    if_new = {"If-None-Match": "*"}
    answers = [
        await line.put("/v1/people/lee", json=entry("lee", name=name), headers=if_new)
        for name in ("Lee", "Leo")
    ]
    assert [answer.status_code for answer in answers] == [200, 412]
    assert answers[1].json()["current"]["name"] == "Lee"


async def test_entry_is_published_once_for_each_change_and_has_no_address(
    line: httpx.AsyncClient, harness: RouterHarness
) -> None:
    for changes in ({}, {"name": "R."}, {"name": "R."}, {"name": "R.", "contact_methods": [MAIL]}):
        put = await line.put("/v1/people/rita", json=entry("rita", **changes), headers=key("mia"))
        assert put.status_code == 200
    events = await harness.rows(
        "SELECT type, data FROM published_events WHERE key = 'rita' ORDER BY id"
    )
    assert [(row.type.split(".")[1], row.data.get("version")) for row in events] == [
        ("person_described", 1),
        ("person_described", 2),
        ("contact_methods_changed", None),
        # The newest event of a person is kept: it has no address.
        ("person_described", 2),
    ]
    assert "@" not in str([row.data for row in events if row.type == PersonDescribed.type])
    methods = events[2].data
    assert (methods["by"], methods["contact_methods"]) == (
        "mia",
        [{"medium": "email", "details": {"address": "rita@example.com"}}],
    )


async def test_frequent_changes_of_contact_methods_are_refused_except_to_admins(
    line: httpx.AsyncClient,
) -> None:
    body = entry("rita", contact_methods=[MAIL])
    answers = [await line.put("/v1/people/rita", json=body, headers=key("mia")) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "3600"
    assert (await line.put("/v1/people/rita", json=body)).status_code == 200


async def test_role_representative_makes_a_representative_until_it_ends(
    line: httpx.AsyncClient,
) -> None:
    takes = {"team_id": "front", "skills": ["billing"], "languages": ["en"]}
    rita = entry("rita", roles=["representative", "supervisor"], **takes)
    await line.put("/v1/people/rita", json=rita)
    workload = {"capacity": 7, "auto_accept": False, "offer_s": 30}
    await line.put("/v1/representatives/rita", json=workload)
    await line.put("/v1/people/rita", json={**rita, "skills": ["orders"]})
    shown = (await line.get("/v1/representatives/rita")).json()
    assert (shown["skills"], shown["team_id"], shown["active"]) == (["orders"], "front", True)
    assert workload.items() <= shown.items()
    await line.put("/v1/people/rita", json={**rita, "roles": ["supervisor"]})
    assert not (await line.get("/v1/representatives/rita")).json()["active"]
    await line.put("/v1/people/rita", json={**rita, "active": False})
    await line.put("/v1/people/rita", json=rita)
    again = (await line.get("/v1/representatives/rita")).json()
    assert (again["active"], again["capacity"]) == (True, 7)


async def test_access_of_a_person_who_leaves_ends(
    line: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    await add_keys(database, "rita")
    await line.put("/v1/people/rita", json=entry("rita", name="R."))
    assert "manager" in await access_of(database, "rita")
    left = await line.put("/v1/people/rita", json=entry("rita", active=False))
    assert left.status_code == 200, left.text
    assert await access_of(database, "rita") == ["channel"]
