"""People are put in router: the notifier takes up name, line and contact methods."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from common.contracts.event import PersonId
from common.contracts.people import ContactMethod, ContactMethodsChanged
from common.core.clock import TimeSource
from integration.notifier.conftest import ServiceHarness, key, link_to, paged
from integration.notifier.examples import PROGRAM, sent
from support.departures import access_of, add_keys
from support.people import described
from support.waiting import until


def methods(
    person: str = "dana", by: str = "mona", minutes_ago: int = 0, **addresses: dict[str, str]
) -> ContactMethodsChanged:
    return ContactMethodsChanged(
        person_id=PersonId(person),
        occurred_at=TimeSource().utc_now() - timedelta(minutes=minutes_ago),
        name="Dana Ruiz",
        contact_methods=tuple(
            msgspec.convert({"medium": medium, "details": details}, ContactMethod)
            for medium, details in addresses.items()
        ),
        by=by,
    )


async def shown(api: httpx.AsyncClient, person: str = "dana") -> dict[str, Any]:
    answer = await api.get(f"/v1/recipients/{person}", headers=key("root"))
    said: dict[str, Any] = answer.json()
    return said


async def test_new_person_is_a_recipient_with_name_and_contact_methods(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.handle(described("omar", name="Omar Diaz"))
    assert ((await shown(api, "omar"))["name"], (await shown(api, "omar"))["media"]) == (
        "Omar Diaz",
        [],
    )
    await harness.handle(
        methods(email={"address": "new@example.com"}), described("dana", name="Dana Ruiz")
    )
    recipient = await shown(api)
    assert recipient["name"] == "Dana Ruiz"
    assert recipient["media"] == [{"medium": "email", "address": "new@example.com"}]
    await harness.handle(described("dana", name="Dana R."))
    recipient = await shown(api)
    assert (recipient["name"], len(recipient["media"])) == ("Dana R.", 1)


async def test_name_from_router_changes_the_etag(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    etags = []
    for name in ("Omar Diaz", "Omar Diaz", "Omar D."):
        await harness.handle(described("omar", name=name))
        etags.append((await api.get("/v1/recipients/omar", headers=key("root"))).headers["ETag"])
    assert etags == ['"1"', '"1"', '"2"']


async def test_people_without_an_address_are_listed_until_they_leave(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    async def unreachable(caller: str, *, reachable: bool = False) -> list[str]:
        query = {"reachable": reachable, "limit": 1}
        listed: list[str] = []
        while True:
            answer = await api.get("/v1/recipients", params=query, headers=key(caller))
            assert answer.status_code == 200, answer.text
            listed += [item["person_id"] for item in answer.json()["items"]]
            if not (cursor := answer.json()["next_cursor"]):
                return listed
            query["cursor"] = cursor

    await harness.handle(
        described("mona"),
        methods("mona", email={"address": "mona@example.com"}),
        described("dana", reports_to="mona"),
        described("omar"),
    )
    assert await unreachable("root") == ["dana", "omar"]
    assert await unreachable("mona") == ["dana"]
    assert await unreachable("root", reachable=True) == ["mona"]
    await harness.handle(methods(email={"address": "dana@example.com"}))
    await harness.handle(described("omar", active=False))
    assert await unreachable("root") == []


async def test_older_entry_of_a_person_changes_nothing(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    older = described("dana", "omar", name="Old")
    await harness.handle(described("dana", "mona", name="New"))
    await harness.handle(older)
    assert (await shown(api))["name"] == "New"
    for caller, status in (("mona", 200), ("omar", 403)):
        answer = await api.get("/v1/recipients/dana", headers=key(caller))
        assert answer.status_code == status


async def test_change_is_kept_told_to_the_old_address_and_voids_links(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.handle(described("dana", "mona"))
    await harness.add_recipient("dana")
    await sent(harness, paged("dana"))
    post = harness.posted()[0]
    for _ in range(2):
        await harness.handle(methods(email={"address": "new@example.com"}))
    changes = (await api.get("/v1/recipients/dana/changes", headers=key("root"))).json()["items"]
    assert [(change["changed_by"], len(change["after"]["media"])) for change in changes] == [
        ("mona", 1)
    ]
    assert (await api.post(link_to(post), headers=PROGRAM)).status_code == 410
    async with harness.delivering():
        await until(harness.posted, lambda posts: len(posts) == 2)
    assert "was changed by mona" in str(harness.posted()[-1].body)
    assert "new@example.com" not in str(harness.posted()[-1].body)


async def test_later_change_of_the_person_stays(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.handle(described("dana", "mona"))
    own = {"name": "Dana", "media": [{"medium": "email", "address": "own@example.com"}]}
    put = await api.put("/v1/recipients/dana", json=own, headers=key("dana"))
    assert put.status_code == 200, put.text
    await harness.handle(methods(minutes_ago=1, email={"address": "new@example.com"}))
    assert (await shown(api))["media"] == own["media"]
    await harness.handle(methods(minutes_ago=-1, email={"address": "new@example.com"}))
    assert (await shown(api))["media"] != own["media"]


@pytest.mark.parametrize("active", [True, False])
async def test_operations_is_no_person(
    harness: ServiceHarness, api: httpx.AsyncClient, active: bool
) -> None:
    await harness.add_recipient("operations", "email")
    before = await shown(api, "operations")
    await harness.handle(
        methods("operations", email={"address": "new@example.com"}),
        described("operations", "mona", active=active),
    )
    assert await shown(api, "operations") == before


@pytest.mark.parametrize("own", [{}, {"channel": "D-dana", "user_id": "U-dana"}])
async def test_user_of_another_recipient_is_refused_and_the_other_methods_count(
    harness: ServiceHarness, api: httpx.AsyncClient, own: dict[str, str]
) -> None:
    await harness.add_recipient("omar", "slack")
    if own:
        await harness.handle(methods(minutes_ago=1, slack=own))
    taken = {"channel": "D-x", "user_id": "U-omar"}
    for _ in range(2):
        await harness.handle(methods(slack=taken, email={"address": "new@example.com"}))
    await harness.handle(described("dana", "mona"))
    answer = await api.get("/v1/recipients/dana", headers=key("mona"))
    kept = [{"medium": "slack", **own}] if own else []
    assert answer.json()["media"] == [{"medium": "email", "address": "new@example.com"}, *kept]
    changes = (await api.get("/v1/recipients/dana/changes", headers=key("mona"))).json()["items"]
    assert changes[0]["refused_media"] == ["slack"]
    # Omar presses buttons as Omar.
    async with harness.database.transaction() as uow:
        presser = await uow.recipients.of_user("slack", "U-omar")
    assert presser
    assert presser.person_id == "omar"


async def test_access_of_a_person_who_leaves_ends(
    harness: ServiceHarness,
) -> None:
    await add_keys(harness.database, "omar")
    await harness.handle(described("omar", "mona"))
    assert await access_of(harness.database, "omar") == ["channel", "manager", "token"]
    await harness.handle(described("omar", "mona", active=False))
    assert await access_of(harness.database, "omar") == ["channel"]


async def test_media_of_a_person_are_published_when_they_change_however_they_are_put(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    """Without addresses: who plans escalations must know that a person can be reached."""
    mail = {"address": "new@example.com"}
    await harness.handle(described("zoe", name="Zoe"), methods("zoe", email=mail))
    for media in (
        [{"medium": "email", "address": "other@example.com"}],
        [
            {"medium": "slack", "channel": "D9", "user_id": "U9"},
            {"medium": "email", "address": "a@example.com"},
        ],
        [],
    ):
        body = {"name": "Zoe", "media": media}
        put = await api.put("/v1/recipients/zoe", json=body, headers=key("root"))
        assert put.status_code == 200, put.text
    query = "SELECT data FROM published_events WHERE type = 'upstairs.recipient_changed.v1'"
    changes = [row.data for row in await harness.rows(f"{query} ORDER BY id")]
    assert [
        (each["person_id"], each["media"]) for each in changes if each["person_id"] == "zoe"
    ] == [
        ("zoe", ["email"]),
        ("zoe", ["slack", "email"]),
        ("zoe", []),
    ]
    assert "example.com" not in str(changes)


async def test_page_in_place_of_somebody_says_for_whom(harness: ServiceHarness) -> None:
    await harness.handle(described("dana", name="Dana Ruiz"), described("omar", name="Omar Diaz"))
    await harness.add_recipient("omar", "slack")
    back = TimeSource().utc_now() + timedelta(days=2)
    absence = {"person_id": "dana", "until": back}
    async with harness.delivering():
        await harness.handle(paged("omar", absence=absence))
        await until(lambda: len(harness.posted()) == 1)
    assert f"For Dana Ruiz, who is away until {back:%a %Y-%m-%d %H:%M} UTC." in str(
        harness.posted()[0].body
    )
    (row,) = await harness.rows("SELECT reason FROM notifications")
    assert row.reason.startswith("in place of Dana Ruiz, who is away until ")


async def test_page_that_nobody_else_can_take_says_so_to_the_person_who_is_away(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("dana", "slack")
    back = TimeSource().utc_now() + timedelta(days=2)
    page = paged("dana", absence={"person_id": "dana", "until": back})
    async with harness.delivering():
        await harness.handle(page)
        await until(lambda: len(harness.posted()) == 1)
    assert "but nobody can stand in for you" in str(harness.posted()[0].body)
    listed = await api.get("/v1/notifications", params={"person_id": "dana"}, headers=key("root"))
    (shown,) = listed.json()["items"]
    assert shown["reason_code"] == "nobody-stands-in"
    assert shown["reason"].startswith("away until ")
