"""A manager connects outside systems in a browser without scripts, in front of the real intake."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from console.views.systems.connection_kinds import CONNECTION_KINDS
from console.views.systems.samples import SAMPLES
from integration.console.harness import SAME_ORIGIN
from integration.console.settings_harness import form_of, text_of
from integration.console.systems_harness import NEWER_SECRET, SECRET, ZENDESK, Systems

NEW = "/settings/new/connections/zendesk"
# Of kinds that need more than a secret.
NEEDED: Mapping[str, Mapping[str, Any]] = {
    "salesforce": {"organization": "00D5g000004AbCdEAK"},
    "imap": {"host": "imap.example.com", "user": "support"},
}


async def send(systems: Systems, address: str, **fields: str) -> httpx.Response:
    return await systems.mia.client.post(address, data=fields, headers=SAME_ORIGIN)


async def test_new_connection_asks_for_its_secret_last_and_shows_it_nowhere(
    systems: Systems,
) -> None:
    mia = systems.mia
    fields = form_of(await mia.read(NEW))
    changes = {"setting-id": "acme", "options/topic": "billing", "expected/every_minutes": "60"}
    opened = await mia.press(NEW, {**fields, **changes}, "add:options/topic_by_tag")
    tag = {"options/topic_by_tag/0/key": "invoice", "options/topic_by_tag/0/value": "billing"}
    review = await mia.press(NEW, {**form_of(opened.text), **tag}, "review")
    assert 'type="password"' in review.text
    unfinished = await mia.press(NEW, form_of(review.text), "save")
    assert unfinished.status_code == 422
    assert "A new connection needs one." in unfinished.text
    weak = {**form_of(unfinished.text), "secrets/value": "weak"}
    refused = await mia.press(NEW, weak, "save")
    assert refused.status_code == 422
    assert 'id="problem-secrets/value"' in refused.text
    saved = await mia.press(NEW, {**form_of(refused.text), "secrets/value": SECRET}, "save")
    assert (saved.status_code, saved.headers["location"]) == (303, f"{ZENDESK}?done=saved")
    shown = await systems.connection()
    assert (shown["options"]["topic"], shown["options"]["topic_by_tag"]) == (
        "billing",
        {"invoice": "billing"},
    )
    assert shown["expected"]["every_minutes"] == 60
    pages = [refused.text, *[await mia.read(f"{ZENDESK}{part}") for part in ("", "/secret")]]
    assert not any(SECRET in page or "weak" in page for page in pages)


async def test_page_says_state_address_secrets_and_what_went_wrong(systems: Systems) -> None:
    await systems.connect(options={"topic_by_tag": {"invoice": "billing"}})
    await systems.intake.post("/v1/channels/zendesk/acme", content=b"{}")
    page = text_of(await systems.mia.read(ZENDESK))
    assert "active" in page
    assert "/v1/channels/zendesk/acme" in page
    assert "Secret 1: stored encrypted" in page
    assert "none yet" in page
    assert "Topic by tag \u203a invoice billing" in page
    assert "docs/channels/zendesk.md" in page


async def test_address_and_guide_are_links_where_operators_say_where_they_are(
    systems: Systems,
) -> None:
    state = systems.console.app.state
    state.intake_public_url = "https://intake.example.com"
    state.guides_url = "https://docs.example.com/channels"
    await systems.connect()
    page = await systems.mia.read(ZENDESK)
    assert "https://intake.example.com/v1/channels/zendesk/acme" in page
    assert 'href="https://docs.example.com/channels/zendesk.md"' in page


async def test_list_is_filtered_by_state_and_kind(systems: Systems) -> None:
    await systems.connect(name="acme")
    await systems.connect(name="beta", state="paused")
    await systems.connect(kind="slack", name="gamma")
    await systems.intake.delete("/v1/channels/slack/gamma", headers={"If-Match": '"1"'})

    async def names(query: str) -> list[str]:
        page = await systems.mia.read(f"/settings/connections{query}")
        return [name for name in ("acme", "beta", "gamma") if f"/{name}" in page]

    assert await names("") == ["acme", "beta"]
    assert await names("?state=paused") == ["beta"]
    assert await names("?state=archived") == ["gamma"]
    assert await names("?state=silent") == []
    assert await names("?state=<b>&kind=slack") == []


@pytest.mark.parametrize(
    ("action", "state"), [("pause", "paused"), ("resume", "active"), ("archive", "archived")]
)
async def test_action_asks_first_and_changes_nothing_else(
    systems: Systems, action: str, state: str
) -> None:
    options = {"topic": "billing", "tier_by_tag": {"gold": "vip"}}
    await systems.connect(
        options=options,
        expected={"every_minutes": 30},
        state="paused" if action == "resume" else "active",
    )
    before = await systems.connection()
    fields = form_of(await systems.mia.read(f"{ZENDESK}/{action}"))
    done = await send(systems, f"{ZENDESK}/{action}", **fields)
    assert done.status_code == 303
    after = await systems.connection()
    assert after["state"] == state
    assert (after["options"], after["expected"]) == (before["options"], before["expected"])


async def test_slower_manager_is_told_who_was_faster(systems: Systems) -> None:
    await systems.connect()
    mia = systems.mia
    pause = form_of(await mia.read(f"{ZENDESK}/pause"))
    _, edit = await mia.review(f"{ZENDESK}/edit", **{"options/topic": "sales"})
    await systems.connect(options={"topic": "returns"})
    for address, fields in ((f"{ZENDESK}/pause", pause), (f"{ZENDESK}/edit", edit)):
        answer = await mia.press(address, fields, "save")
        assert answer.status_code == 412
        assert "ops changed it" in text_of(answer.text)
    shown = await systems.connection()
    assert (shown["state"], shown["options"]["topic"]) == ("active", "returns")
    again = form_of((await mia.press(f"{ZENDESK}/pause", pause, "")).text)
    assert (await send(systems, f"{ZENDESK}/pause", **again)).status_code == 303
    assert (await systems.connection())["options"]["topic"] == "returns"


@pytest.mark.parametrize("etag", ["", "*", '"9"', "W/1", '"1"\r\nX: y'])
async def test_forged_etag_changes_nothing(systems: Systems, etag: str) -> None:
    await systems.connect()
    for action in ("pause", "archive", "secrets/1/remove", "secret"):
        fields = {"etag": etag, "secrets/value": NEWER_SECRET}
        answer = await send(systems, f"{ZENDESK}/{action}", **fields)
        assert answer.status_code in (412, 422), action
    assert (await systems.connection())["version"] == 1


async def test_secret_is_changed_while_the_one_before_stays_valid(systems: Systems) -> None:
    await systems.connect()
    mia, address = systems.mia, f"{ZENDESK}/secret"
    fields = form_of(await mia.read(address))
    assert fields["secrets/keep"] == "on"
    empty = await send(systems, address, **fields)
    assert empty.status_code == 422
    both = await send(
        systems, address, **{**fields, "secrets/value": NEWER_SECRET, "secrets/from_env": "X"}
    )
    assert both.status_code == 422
    assert "one of value, from_env, from_file" in both.text
    not_allowed = await send(systems, address, **{**fields, "secrets/from_env": "PATH"})
    assert "UPSTAIRS_SECRET_VARIABLES" in not_allowed.text
    done = await send(systems, address, **{**fields, "secrets/value": NEWER_SECRET})
    assert done.headers["location"] == f"{ZENDESK}?done=secret"
    page = await mia.read(ZENDESK)
    assert text_of(page).count("stored encrypted") == 2
    assert NEWER_SECRET not in page
    removal = {"etag": f'"{(await systems.connection())["version"]}"'}
    old = await send(systems, f"{ZENDESK}/secrets/2/remove", **removal)
    assert old.headers["location"] == f"{ZENDESK}?done=secret-removed"
    assert len((await systems.connection())["secrets"]) == 1


async def test_archived_connection_is_brought_back_with_a_new_secret(systems: Systems) -> None:
    await systems.connect(options={"topic": "billing"})
    archive = form_of(await systems.mia.read(f"{ZENDESK}/archive"))
    await send(systems, f"{ZENDESK}/archive", **archive)
    assert "Bring back…" in await systems.mia.read(ZENDESK)
    page, fields = await systems.mia.review(f"{ZENDESK}/edit")
    assert 'type="password"' in page
    saved = await systems.mia.press(
        f"{ZENDESK}/edit", {**fields, "secrets/value": NEWER_SECRET}, "save"
    )
    assert saved.status_code == 303
    shown = await systems.connection()
    assert (shown["state"], shown["options"]["topic"]) == ("active", "billing")


async def test_refused_option_is_shown_beside_its_field(systems: Systems) -> None:
    await systems.connect()
    _, fields = await systems.mia.review(f"{ZENDESK}/edit", **{"options/default_region": "Spain"})
    refused = await systems.mia.press(f"{ZENDESK}/edit", fields, "save")
    assert refused.status_code == 422
    assert 'id="problem-options/default_region"' in refused.text


@pytest.mark.parametrize("kind", CONNECTION_KINDS)
async def test_sample_of_each_kind_is_a_contact(systems: Systems, kind: str) -> None:
    await systems.connect(kind, options=NEEDED.get(kind, {}))
    address = f"/settings/connections/{kind}/acme/try"
    form = await systems.mia.read(address)
    assert "supervisor." in form
    sample = {"body": SAMPLES[kind].body, "headers": SAMPLES[kind].headers}
    page = text_of((await send(systems, address, **sample)).text)
    assert "As it is here it would be refused" in page
    assert "I want to speak to a supervisor." in page
    assert "The customer asks for a supervisor" in page


async def test_trial_says_what_can_not_be_read(systems: Systems) -> None:
    await systems.connect()
    address = f"{ZENDESK}/try"
    broken = await send(systems, address, body="{", headers="")
    assert "It can't be read:" in text_of(broken.text)
    wrong = await send(systems, address, body="{}", headers="no header")
    assert wrong.status_code == 422
    assert "name: value" in wrong.text
    other = await send(systems, address, body='{"type": "zen:event-type:user.created"}')
    assert "no contact" in text_of(other.text)


async def test_words_of_customers_are_escaped(systems: Systems) -> None:
    await systems.connect()
    body = SAMPLES["zendesk"].body.replace("Wrong invoice", "<script>alert(1)</script>")
    answer = await send(systems, f"{ZENDESK}/try", body=body, headers="")
    assert "<script>alert" not in answer.text


async def test_unknown_kinds_and_names_are_not_found(systems: Systems) -> None:
    for address in (
        "/settings/connections/fax/acme",
        "/settings/new/connections/fax",
        "/settings/connections/zendesk/nobody",
        "/settings/connections/zendesk/nobody/pause",
        "/settings/connections/zendesk/nobody/try",
        "/settings/connections/zendesk/nobody/edit",
    ):
        assert (await systems.mia.client.get(address)).status_code == 404, address


async def test_supervisor_sees_no_outside_systems(systems: Systems) -> None:
    sara = await systems.console.enter("sara")
    assert "/settings/connections" not in (await sara.get("/settings")).text
    assert "/settings/connections" in (await systems.mia.client.get("/settings")).text
    assert (await sara.get("/settings/connections")).status_code == 403
