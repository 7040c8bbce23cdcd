"""An admin sets who can be notified, and where; others as test_recipient_access.py says."""

from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from common.http.pagination import encode_cursor
from integration.notifier.conftest import ServiceHarness, key

DANA: dict[str, Any] = {
    "name": "Dana Ruiz",
    "media": [
        {"medium": "slack", "channel": "D0123", "user_id": "U0123"},
        {"medium": "email", "address": "dana@example.com"},
    ],
}
NO_RULES: dict[str, Any] = {"steps": {}, "quiet_hours": None, "language": None, "late_steps": []}


async def put(
    api: httpx.AsyncClient, person: str, body: Any, caller: str = "root"
) -> httpx.Response:
    return await api.put(f"/v1/recipients/{person}", json=body, headers=key(caller))


async def test_recipient_is_saved_and_replaced(api: httpx.AsyncClient) -> None:
    saved = await put(api, "dana", DANA)
    assert (saved.status_code, saved.json()) == (
        200,
        {"person_id": "dana", **DANA, "time_zone": "UTC", **NO_RULES, "verified": ANY},
    )
    await put(api, "dana", {"name": "Dana R.", "media": []}, caller="root")
    shown = await api.get("/v1/recipients/dana", headers=key("root"))
    assert shown.json() == {
        "person_id": "dana",
        "name": "Dana R.",
        "media": [],
        "time_zone": "UTC",
        **NO_RULES,
        "verified": {},
    }


async def test_recipient_that_was_changed_since_it_was_read_is_not_replaced(
    api: httpx.AsyncClient,
) -> None:
    async def put_if(condition: dict[str, str], name: str) -> httpx.Response:
        headers = {**key("root"), **condition}
        return await api.put("/v1/recipients/dana", json={**DANA, "name": name}, headers=headers)

    assert (await put_if({"If-Match": '"1"'}, "Dana")).status_code == 412
    created = await put_if({"If-None-Match": "*"}, "Dana")
    assert (created.status_code, created.headers["ETag"]) == (200, '"1"')
    assert (await put_if({"If-None-Match": "*"}, "Dana B.")).status_code == 412
    read = (await api.get("/v1/recipients/dana", headers=key("root"))).headers["ETag"]
    changed = await put_if({"If-Match": read}, "Dana C.")
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    stale = await put_if({"If-Match": read}, "Dana D.")
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:upstairs:problem:stale")
    assert stale.json()["detail"].startswith("The recipient was changed since you read it")
    shown = await api.get("/v1/recipients/dana", headers=key("root"))
    assert (shown.json()["name"], shown.headers["ETag"]) == ("Dana C.", '"2"')
    # Nothing has changed, so what others have read is still so.
    assert (await put_if({"If-Match": "*"}, "Dana C.")).headers["ETag"] == '"2"'
    assert (await put_if({"If-Match": "x"}, "Dana C.")).status_code == 422


async def test_recipients_are_listed_in_pages(api: httpx.AsyncClient) -> None:
    for person in ("omar", "dana", "pia"):
        await put(api, person, {"name": person, "media": []})
    first = (await api.get("/v1/recipients?limit=2", headers=key("root"))).json()
    assert [item["person_id"] for item in first["items"]] == ["dana", "omar"]
    cursor = first["next_cursor"]
    rest = (await api.get(f"/v1/recipients?cursor={cursor}", headers=key("root"))).json()
    assert [item["person_id"] for item in rest["items"]] == ["pia"]
    assert rest["next_cursor"] is None


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
async def test_invalid_recipient_is_refused(
    harness: ServiceHarness, api: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    refused = await put(api, "dana", wrong)
    assert refused.status_code == 422, refused.text
    assert not await harness.rows("SELECT * FROM recipients")


async def test_slack_user_belongs_to_one_recipient(api: httpx.AsyncClient) -> None:
    await put(api, "dana", DANA)
    taken = await put(api, "omar", {**DANA, "name": "Omar"})
    assert taken.status_code == 409
    assert taken.json()["type"] == "urn:upstairs:problem:channel-user-taken"
    assert taken.json()["detail"] == "Another recipient already has this user or number of slack."
    unknown = await api.get("/v1/recipients/omar", headers=key("root"))
    assert unknown.status_code == 404
    assert unknown.json()["type"] == "urn:upstairs:problem:recipient-not-found"
    # Once the user is free, another person may have it.
    await put(api, "dana", {"name": "Dana", "media": [DANA["media"][1]]})
    assert (await put(api, "omar", {**DANA, "name": "Omar"})).status_code == 200


async def test_representative_may_not_read_or_set_recipients(api: httpx.AsyncClient) -> None:
    for method, path in (
        ("PUT", "/v1/recipients/dana"),
        ("GET", "/v1/recipients/dana"),
        ("GET", "/v1/recipients/dana/changes"),
        ("GET", "/v1/notifications"),
    ):
        assert (await api.request(method, path, json=DANA)).status_code == 401
        refused = await api.request(method, path, json=DANA, headers=key("rita"))
        assert refused.status_code == 403
    await put(api, "dana", DANA)
    assert (await api.get("/v1/recipients", headers=key("rita"))).json()["items"] == []


@pytest.mark.parametrize(
    ("path", "last"),
    [("recipients", "a\x00b"), ("recipients", ""), ("notifications", "x")],
)
async def test_cursor_with_impossible_key_is_invalid(
    api: httpx.AsyncClient, path: str, last: str
) -> None:
    filters = dict.fromkeys(("contact_id", "escalation_id", "person_id", "state"))
    cursor = encode_cursor(last, filters if path == "notifications" else None)
    answer = await api.get(f"/v1/{path}", params={"cursor": cursor}, headers=key("root"))
    assert answer.status_code == 422
    assert "not a cursor of this list" in answer.json()["detail"]


async def test_impossible_person_is_an_invalid_filter(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/notifications?person_id=%00", headers=key("root"))
    assert answer.status_code == 400
