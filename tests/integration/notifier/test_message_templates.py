"""Managers set templates, see what they write, go back, and the next message is written by them."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from common.contracts.event import PersonId
from integration.notifier.conftest import ServiceHarness, key, paged
from integration.notifier.examples import deliver
from notifier.domain.message_templates import MessageTemplate
from notifier.domain.recipients import Address, Recipient
from support.waiting import until

PATH = "/v1/templates/slack/raised/de"
GERMAN = {"title": "Dringend: {{ headline }}", "body": "*{{ headline }}*\n{{ deadline }}"}
BOSS = key("omar")
# A change counts within two seconds; each message takes some milliseconds.
MAX_MESSAGES = 200


@pytest.fixture
async def german(harness: ServiceHarness) -> None:
    address = Address("slack", {"channel": "D-dana", "user_id": "U-dana"})
    async with harness.database.transaction() as uow:
        await uow.recipients.save(Recipient(PersonId("dana"), "Dana", (address,), language="de"))


async def put(
    api: httpx.AsyncClient, body: dict[str, Any] = GERMAN, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    return await api.put(PATH, json=body, headers={**BOSS, **(headers or {})})


async def first_text(harness: ServiceHarness, begin: str) -> str:
    """Page again and again until a message begins so."""
    for _ in range(MAX_MESSAGES):
        await deliver(harness, paged())
        text = str(harness.posted()[-1].body["text"])
        if text.startswith(begin):
            return text
    raise AssertionError(f"no message begins with {begin}: {text}")


async def test_next_message_is_written_by_the_template_in_the_language_of_the_reader(
    harness: ServiceHarness, api: httpx.AsyncClient, german: None
) -> None:
    async with harness.delivering():
        await deliver(harness, paged())
        assert harness.posted()[0].body["text"].startswith("Chat zu Billing von „Ada“")
        buttons = harness.posted()[0].body["blocks"][-1]["elements"]
        assert [each["text"]["text"] for each in buttons] == ["Bestätigen", "Übernehmen", "Öffnen"]
        assert (await put(api)).status_code == 200
        await first_text(harness, "Dringend: Chat zu Billing")
        section = harness.posted()[-1].body["blocks"][0]["text"]["text"]
        assert section.startswith("*Chat zu Billing von „Ada“")
        assert "Antworten Sie bis" in section
        assert harness.posted()[-1].body["blocks"][-1]["elements"] != []
        assert (await api.delete(PATH, headers=BOSS)).status_code == 204
        await first_text(harness, "Chat zu Billing")


async def test_message_is_sent_by_the_shipped_template_when_the_set_one_fails(
    harness: ServiceHarness, german: None
) -> None:
    async with harness.database.transaction() as uow:
        await uow.message_templates.add(
            MessageTemplate("slack", "raised", "de", 1, "x", "{{ headline < 3 }}", uow.now, "omar")
        )

    async def says_so() -> bool:
        await deliver(harness, paged())
        read = await harness.rows("SELECT detail FROM delivery_attempts WHERE outcome = 'sent'")
        return any("template the shipped one, since slack/raised/de" in row[0] for row in read)

    async with harness.delivering():
        await until(says_so)
    assert harness.posted()[-1].body["text"].startswith("Chat zu Billing")


async def test_shipped_template_is_shown_as_a_begin_for_ones_own(api: httpx.AsyncClient) -> None:
    shown = await api.get(PATH, headers=BOSS)
    answer = shown.json()
    assert "etag" not in shown.headers
    assert (answer["is_shipped"], answer["version"], answer["longest_body"]) == (True, None, 3000)
    assert "{{ headline }}" in answer["body"]
    assert {"customer", "deadline"} <= answer["variables"].keys()
    assert (await put(api, {name: answer[name] for name in ("title", "body")})).status_code == 200


async def test_versions_are_kept_and_one_goes_back_to_them(api: httpx.AsyncClient) -> None:
    first = await put(api, headers={"If-None-Match": "*"})
    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    assert (first.json()["changed_by"], first.json()["is_shipped"]) == ("omar", False)
    assert (await put(api, headers={"If-None-Match": "*"})).status_code == 412
    second = await put(api, {**GERMAN, "body": "Neu"}, {"If-Match": '"1"'})
    assert second.headers["etag"] == '"2"'
    assert (await put(api, headers={"If-Match": '"1"'})).json()["type"].endswith(":stale")
    stale = await api.delete(PATH, headers={**BOSS, "If-Match": '"1"'})
    assert stale.status_code == 412
    restore = f"{PATH}/versions/1/restore"
    assert (await api.post(restore, headers={**BOSS, "If-Match": '"1"'})).status_code == 412
    restored = await api.post(restore, headers={**BOSS, "If-Match": '"2"'})
    assert (restored.json()["body"], restored.headers["etag"]) == (GERMAN["body"], '"3"')
    unknown = await api.post(f"{PATH}/versions/9/restore", headers=BOSS)
    assert unknown.status_code == 404
    assert unknown.json()["type"].endswith(":template-version-not-found")
    assert (await api.delete(PATH, headers={**BOSS, "If-Match": '"3"'})).status_code == 204
    versions = (await api.get(f"{PATH}/versions", headers=BOSS)).json()["items"]
    assert [(each["version"], each["is_shipped"]) for each in versions] == [
        (4, True),
        (3, False),
        (2, False),
        (1, False),
    ]
    assert (await api.get("/v1/templates", headers=BOSS)).json()["items"] == []
    # Back to where it was the shipped one.
    assert (await api.post(f"{PATH}/versions/4/restore", headers=BOSS)).json()["is_shipped"]


async def test_list_has_what_is_set_page_by_page(api: httpx.AsyncClient) -> None:
    await put(api)
    await api.put("/v1/templates/email/any/en", json=GERMAN, headers=BOSS)
    first = (await api.get("/v1/templates?limit=1", headers=BOSS)).json()
    assert [each["medium"] for each in first["items"]] == ["email"]
    rest = (await api.get(f"/v1/templates?cursor={first['next_cursor']}", headers=BOSS)).json()
    assert [each["medium"] for each in rest["items"]] == ["slack"]


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        ({"title": "x", "body": "{{ nobody }}"}, "body/body", "There is no variable nobody."),
        ({"title": "{{ x", "body": "x"}, "body/title", "Line 1"),
        ({"title": "x", "body": "x" * 3001}, "body/body", "It is too long"),
        ({"title": "x", "body": "x" * 4001}, "body/body", "at most 4000"),
        ({"title": "x", "body": ""}, "body/body", "at least 1"),
        ({"title": "x"}, "body/body", "is missing"),
        ({"title": "x", "body": "{{ range(9**9) }}"}, "body/body", "not allowed"),
    ],
)
async def test_template_that_can_not_be_used_is_refused_and_nothing_is_saved(
    api: httpx.AsyncClient, body: dict[str, Any], pointer: str, detail: str
) -> None:
    refused = await put(api, body)
    assert refused.status_code == 422
    (problem, *_) = refused.json()["errors"]
    assert problem["pointer"].endswith(pointer)
    assert detail in problem["detail"]
    assert (await api.get(PATH, headers=BOSS)).json()["version"] is None


async def test_preview_shows_samples_and_problems_and_saves_nothing(
    api: httpx.AsyncClient,
) -> None:
    async def preview(body: str) -> dict[str, Any]:
        sent = {"medium": "slack", "kind": "raised", "language": "de", "title": "x", "body": body}
        answer = await api.post("/v1/templates/preview", json=sent, headers=BOSS)
        assert answer.status_code == 200
        shown: dict[str, Any] = answer.json()
        return shown

    good = await preview("{{ why_now }}")
    assert [each["data"] for each in good["samples"]] == ["usual", "shortest", "longest"]
    assert good["samples"][0]["body"] == "Sie werden zuerst gefragt."
    assert good["problems"] == []
    bad = await preview("{{ nobody }}")
    assert bad["samples"] == []
    assert bad["problems"][0]["part"] == "body"
    assert (await api.get("/v1/templates", headers=BOSS)).json()["items"] == []


async def test_only_managers_and_admins_see_and_set_templates(api: httpx.AsyncClient) -> None:
    for caller in ("sara", "rita", "shop"):
        refused = await api.put(PATH, json=GERMAN, headers=key(caller))
        assert refused.status_code == 403
        assert (await api.get(PATH, headers=key(caller))).status_code == 403
    assert (await api.put(PATH, json=GERMAN, headers=key("root"))).status_code == 200


@pytest.mark.parametrize(
    "path", ["slack/address_changed/de", "slack/nothing/de", "fax/raised/de", "slack/raised/xx"]
)
async def test_there_is_no_template_of_what_is_not_sent(api: httpx.AsyncClient, path: str) -> None:
    refused = await api.get(f"/v1/templates/{path}", headers=BOSS)
    assert refused.status_code == 422


async def test_template_of_a_newer_version_stops_no_other(
    harness: ServiceHarness, api: httpx.AsyncClient, german: None
) -> None:
    await harness.execute(
        "INSERT INTO message_templates VALUES"
        " ('slack', 'a newer reason', 'de', 1, 'x', 'x', now(), 'omar')"
    )
    assert (await put(api)).status_code == 200
    async with harness.delivering():
        await first_text(harness, "Dringend: Chat zu Billing")
    listed = (await api.get("/v1/templates", headers=BOSS)).json()["items"]
    assert [item["kind"] for item in listed] == ["raised"]
