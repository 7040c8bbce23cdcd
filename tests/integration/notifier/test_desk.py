"""What supervisors and managers set and look up: recipients, and who was told what."""

from typing import Any

import httpx
import pytest

from devstack import receivers
from integration.notifier.conftest import Desk, key, of_same, paged
from support.waiting import until

DANA: dict[str, Any] = {
    "name": "Dana Ruiz",
    "media": [
        {"medium": "slack", "channel": "D0123", "user_id": "U0123"},
        {"medium": "email", "address": "dana@example.com"},
    ],
}


async def put(api: httpx.AsyncClient, who: str, body: Any, caller: str = "sara") -> httpx.Response:
    return await api.put(f"/v1/recipients/{who}", json=body, headers=key(caller))


async def test_a_recipient_is_kept_and_replaced(api: httpx.AsyncClient) -> None:
    kept = await put(api, "dana", DANA)
    assert (kept.status_code, kept.json()) == (200, {"person_id": "dana", **DANA})
    await put(api, "dana", {"name": "Dana R.", "media": []}, caller="root")
    shown = await api.get("/v1/recipients/dana", headers=key("sara"))
    assert shown.json() == {"person_id": "dana", "name": "Dana R.", "media": []}


async def test_recipients_are_listed_by_pages(api: httpx.AsyncClient) -> None:
    for who in ("omar", "dana", "pia"):
        await put(api, who, {"name": who, "media": []})
    first = (await api.get("/v1/recipients?limit=2", headers=key("sara"))).json()
    assert [one["person_id"] for one in first["recipients"]] == ["dana", "omar"]
    rest = (await api.get(f"/v1/recipients?cursor={first['next']}", headers=key("sara"))).json()
    assert ([one["person_id"] for one in rest["recipients"]], rest["next"]) == (["pia"], None)


@pytest.mark.parametrize(
    "wrong",
    [
        {**DANA, "nickname": "D"},
        {"name": "Dana"},
        {"name": "", "media": []},
        {"name": "Dana", "media": [{"medium": "pigeon"}]},
        {"name": "Dana", "media": [{"medium": "slack", "channel": "D1"}]},
        {"name": "Dana", "media": [DANA["media"][0], DANA["media"][0]]},
        {"name": "Dana", "media": [{**DANA["media"][1], "cc": "omar@example.com"}]},
        {"name": "Dana", "media": [{"medium": "email", "address": "dana@example.com\nBcc: x@y"}]},
        {"name": "Dana", "media": [{"medium": "email", "address": "dana"}]},
    ],
)
async def test_what_is_wrong_is_refused(
    desk: Desk, api: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    refused = await put(api, "dana", wrong)
    assert refused.status_code == 422, refused.text
    assert not await desk.rows("SELECT * FROM recipients")


async def test_a_slack_user_is_one_person(api: httpx.AsyncClient) -> None:
    await put(api, "dana", DANA)
    taken = await put(api, "omar", {**DANA, "name": "Omar"})
    assert taken.status_code == 409
    assert taken.json()["type"] == "urn:upstairs:problem:slack-user-taken"
    unknown = await api.get("/v1/recipients/omar", headers=key("sara"))
    assert unknown.status_code == 404


async def test_only_those_in_charge_may_look_or_set(api: httpx.AsyncClient) -> None:
    for method, path in (
        ("PUT", "/v1/recipients/dana"),
        ("GET", "/v1/recipients/dana"),
        ("GET", "/v1/recipients"),
        ("GET", "/v1/notifications"),
    ):
        assert (await api.request(method, path, json=DANA)).status_code == 401
        refused = await api.request(method, path, json=DANA, headers=key("rita"))
        assert refused.status_code == 403


async def test_each_notification_explains_itself(desk: Desk, api: httpx.AsyncClient) -> None:
    await desk.know("dana", "slack")
    page = paged("dana")
    desk.slack.answers.append(receivers.failing(500))
    async with desk.couriers():
        await desk.tell(page)
        await until(desk.published)
    listed = await api.get("/v1/notifications", headers=key("sara"))
    (shown,) = listed.json()["notifications"]
    assert (shown["state"], shown["content"]["headline"]) == ("sent", page.headline)
    assert [(one["outcome"], one["detail"]) for one in shown["attempts"]] == [
        ("retry", "Slack answered 500"),
        ("sent", "channel D-dana, ts 1700000000.000001"),
    ]


async def test_notifications_are_found_and_paged(desk: Desk, api: httpx.AsyncClient) -> None:
    await desk.know("dana", "slack")
    page = paged("dana")
    await desk.tell(page, of_same(page, "omar"), paged("dana"), paged("dana"))

    async def found(**wanted: Any) -> dict[str, Any]:
        answer = await api.get("/v1/notifications", params=wanted, headers=key("sara"))
        assert answer.status_code == 200, answer.text
        listed: dict[str, Any] = answer.json()
        return listed

    assert len((await found(contact_id=page.contact_id))["notifications"]) == 2
    assert len((await found(escalation_id=page.escalation_id))["notifications"]) == 2
    (failed,) = (await found(state="failed"))["notifications"]
    assert (failed["person_id"], failed["because"]) == ("omar", "no such recipient")
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while cursor is not None:
        listed = await found(person_id="dana", limit=2, **cursor)
        seen += [one["notification_id"] for one in listed["notifications"]]
        if listed["next"] is None:
            break
        cursor = {"cursor": listed["next"]}
    assert len(seen) == len(set(seen)) == 3
    assert seen == sorted(seen, reverse=True)
    for wrong in ({"state": "lost"}, {"contact_id": "x"}, {"cursor": "x"}, {"limit": 0}):
        answer = await api.get("/v1/notifications", params=wrong, headers=key("sara"))
        assert answer.status_code == 422
