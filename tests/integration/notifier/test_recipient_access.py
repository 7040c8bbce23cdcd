"""Contact methods are for the person, the managers above, and admins; a change voids links."""

from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from integration.notifier.conftest import (
    ServiceHarness,
    key,
    link_to,
    page_also,
    paged,
    pressed,
    send_as_slack,
    token_of,
)
from integration.notifier.examples import BROWSER, PROGRAM, answer_events, sent
from notifier.use_cases import deliveries, failover
from notifier.use_cases.delivery_claims import DeliveryRules
from support.people import described
from support.waiting import until

SLACK = {"medium": "slack", "channel": "D-new", "user_id": "U-new"}
MAIL = {"medium": "email", "address": "new@example.com"}
NEW: dict[str, Any] = {
    "name": "Dana Ruiz",
    "media": [SLACK, MAIL],
    "time_zone": "UTC",
    "steps": {},
    "quiet_hours": None,
    "language": None,
}


async def put(
    api: httpx.AsyncClient, caller: str, person: str = "dana", body: Any = NEW
) -> httpx.Response:
    return await api.put(f"/v1/recipients/{person}", json=body, headers=key(caller))


async def changes(api: httpx.AsyncClient, caller: str = "dana") -> list[dict[str, Any]]:
    answer = await api.get("/v1/recipients/dana/changes", headers=key(caller))
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.fixture
async def team(harness: ServiceHarness) -> None:
    """Dana reports to Mona; Sara, a supervisor too, and Omar, a manager, are not above her."""
    await harness.handle(
        described("dana", "mona"), described("sara", "omar"), described("rita", "dana")
    )
    await harness.add_recipient("dana")


@pytest.mark.usefixtures("team")
async def test_person_sets_and_reads_the_own_contact_methods(api: httpx.AsyncClient) -> None:
    assert (await put(api, "dana")).status_code == 200
    shown = await api.get("/v1/recipients/dana", headers=key("dana"))
    assert shown.json() == {"person_id": "dana", **NEW, "verified": ANY, "late_steps": []}
    assert (await put(api, "rita", "rita", {"name": "Rita", "media": []})).status_code == 200


@pytest.mark.usefixtures("team")
@pytest.mark.parametrize("caller", ["mona", "root"])
async def test_manager_above_and_admin_set_and_read_contact_methods(
    api: httpx.AsyncClient, caller: str
) -> None:
    for person in ("dana", "rita"):
        assert (await put(api, caller, person, {"name": person, "media": []})).status_code == 200
        shown = await api.get(f"/v1/recipients/{person}", headers=key(caller))
        assert shown.status_code == 200


@pytest.mark.usefixtures("team")
@pytest.mark.parametrize("caller", ["sara", "omar", "rita", "shop", "operations"])
async def test_others_may_not_read_or_set_contact_methods(
    harness: ServiceHarness, api: httpx.AsyncClient, caller: str
) -> None:
    for body in (NEW, {"name": "Dana", "media": []}):
        assert (await put(api, caller, body=body)).status_code == 403
    for path in ("dana", "dana/changes", "nobody", "mona"):
        refused = await api.get(f"/v1/recipients/{path}", headers=key(caller))
        assert refused.status_code == 403, path
    (row,) = await harness.rows("SELECT media, link_epoch FROM recipients WHERE person_id = 'dana'")
    assert (row.media[0]["details"]["channel"], row.link_epoch) == ("D-dana", 1)


@pytest.mark.usefixtures("team")
async def test_supervisor_may_not_make_the_managers_pages_their_own(api: httpx.AsyncClient) -> None:
    refused = await put(api, "dana", "mona")
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:upstairs:problem:not-your-recipient"


@pytest.mark.usefixtures("team")
async def test_list_has_only_the_own_and_those_below(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    for person in ("mona", "sara", "rita"):
        await harness.add_recipient(person, "email")
    visible = {"mona": ["dana", "mona", "rita"], "dana": ["dana", "rita"], "omar": ["sara"]}
    for caller, people in visible.items():
        listed = await api.get("/v1/recipients", headers=key(caller))
        assert [item["person_id"] for item in listed.json()["items"]] == people
    assert (await api.get("/v1/recipients", headers=key("shop"))).status_code == 403


async def test_circle_of_managers_ends(harness: ServiceHarness, api: httpx.AsyncClient) -> None:
    await harness.handle(
        described("dana", "sara"), described("sara", "dana"), described("omar", "omar")
    )
    assert (await put(api, "sara")).status_code == 200
    assert (await put(api, "mona")).status_code == 403


async def test_operations_is_for_admins_and_keeps_an_address(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.handle(described("operations", "mona"))
    operations = {"name": "Operations", "media": [MAIL]}
    for caller in ("mona", "sara", "operations", "rita"):
        assert (await put(api, caller, "operations", operations)).status_code == 403
    assert (await put(api, "root", "operations", operations)).status_code == 200
    emptied = await put(api, "root", "operations", {"name": "Operations", "media": []})
    assert emptied.status_code == 409
    assert emptied.json()["type"] == "urn:upstairs:problem:operations-needs-address"
    shown = await api.get("/v1/recipients/operations", headers=key("root"))
    assert shown.json()["media"] == [MAIL]


async def test_operations_has_no_manager_and_never_leaves(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("operations", "email")
    await harness.handle(described("operations", "mona"))
    shown = await api.get("/v1/recipients/operations", headers=key("mona"))
    assert shown.status_code == 403
    await harness.handle(described("operations", None, active=False))
    await harness.handle(paged("operations", reason="unanswered"))
    assert await harness.states() == [("page", "email", "pending")]


@pytest.mark.usefixtures("team")
async def test_change_is_kept_with_who_when_and_what(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put(api, "mona")
    await put(api, "mona")
    await put(api, "root", body={"name": "Dana", "media": [MAIL]})
    latest, first = await changes(api)
    assert (first["changed_by"], latest["changed_by"]) == ("mona", "admin:root")
    assert first["before"]["media"][1]["address"] == "dana@example.com"
    assert first["after"] == NEW == latest["before"]
    assert latest["after"] == {**NEW, "name": "Dana", "media": [MAIL]}
    assert first["changed_at"] < latest["changed_at"]
    for statement in (
        "UPDATE recipient_changes SET changed_by = 'dana'",
        "DELETE FROM recipient_changes",
        "TRUNCATE recipient_changes",
    ):
        with pytest.raises(Exception, match=r"append-only|permission denied"):
            async with harness.database.transaction() as uow:
                await uow.connection.driver.execute(statement)


@pytest.mark.usefixtures("team")
async def test_refused_change_leaves_no_trace(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.add_recipient("omar", "slack")
    taken = {"name": "Dana", "media": [{**SLACK, "user_id": "U-omar"}]}
    assert (await put(api, "dana", body=taken)).status_code == 409
    assert await changes(api) == []
    assert await harness.states() == []
    assert (await put(api, "rita", "rita", taken)).status_code == 409
    shown = await api.get("/v1/recipients/rita", headers=key("rita"))
    assert (shown.status_code, shown.json()["media"]) == (200, [])


@pytest.mark.usefixtures("team")
async def test_address_that_is_no_longer_used_is_told(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await put(api, "mona")
    async with harness.delivering():
        (mail,) = await until(lambda: harness.mail.messages)
        (post,) = await until(harness.posted)
    assert (mail["To"], post.body["channel"]) == ("dana@example.com", "D-dana")
    text = mail.get_body(("plain",))
    assert text
    for message in (text.get_content(), str(post.body)):
        assert "Your contact method was changed by mona at " in message
        # A reader of the old address must not act with it, nor learn the new one.
        assert "/v1/acknowledgements/" not in message
        assert "new@example.com" not in message
    assert await harness.published() == []
    assert [kind for kind, *_ in await harness.states()] == ["notice", "notice"]


@pytest.mark.usefixtures("team")
async def test_change_of_the_name_alone_voids_and_tells_nothing(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    (link,) = await sent(harness, paged("dana"))
    media = (await api.get("/v1/recipients/dana", headers=key("dana"))).json()["media"]
    await put(api, "dana", body={"name": "Dana R.", "media": media})
    assert len(await changes(api)) == 1
    assert await harness.states() == [("page", "slack", "sent")]
    assert (await api.post(link, headers=PROGRAM)).status_code == 200


@pytest.mark.usefixtures("team")
async def test_another_order_is_no_change_of_addresses(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    assert (await put(api, "dana")).status_code == 200
    notices = await harness.states()
    for _ in range(12):
        for body in ({**NEW, "media": [MAIL, SLACK]}, NEW):
            assert (await put(api, "dana", body=body)).status_code == 200
    assert await harness.states() == notices
    # What they are reached by may still be changed.
    other = {**NEW, "media": [{**MAIL, "address": "other@example.com"}]}
    assert (await put(api, "dana", body=other)).status_code == 200


@pytest.mark.usefixtures("team")
async def test_frequent_changes_are_refused_except_to_admins(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    def to(number: int) -> dict[str, Any]:
        return {"name": "Dana", "media": [{**MAIL, "address": f"{number}@example.com"}]}

    answers = [await put(api, "dana", body=to(number)) for number in range(15)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 5
    assert answers[-1].headers["Retry-After"] == "3600"
    assert (await put(api, "root", body=to(20))).status_code == 200
    assert len(await harness.rows("SELECT * FROM notifications WHERE kind = 'notice'")) == 12


@pytest.mark.usefixtures("team")
@pytest.mark.parametrize("event", ["changed", "left"])
async def test_links_and_buttons_of_before_are_void(
    harness: ServiceHarness, api: httpx.AsyncClient, event: str
) -> None:
    page = paged("dana")
    await sent(harness, page, page_also(page, "omar"))
    post = next(post for post in harness.posted() if post.body["channel"] == "D-dana")
    if event == "changed":
        await put(api, "dana")
    else:
        await harness.handle(described("dana", None, active=False))
    for link in (link_to(post), link_to(post, "take_over"), link_to(post, "show")):
        for method in ("GET", "POST"):
            void = await api.request(method, link, headers=PROGRAM)
            assert void.status_code == 410
            assert void.json()["type"] == "urn:upstairs:problem:link-void"
        assert (await api.get(link, headers=BROWSER)).status_code == 410
    for user in ("U-dana", "U-new", "U-omar"):
        body = pressed(user, token_of(post))
        refused = await send_as_slack(api, body)
        assert refused.status_code == 410
    assert not await answer_events(harness)


@pytest.mark.usefixtures("team")
async def test_person_who_left_gets_no_further_page_and_answers_nothing(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    page = paged("dana")
    await sent(harness, page, page_also(page, "omar"))
    await harness.handle(page_also(page, "dana", reason="repeated"))
    await harness.handle(described("dana", None, active=False))
    await harness.handle(page_also(page, "dana", reason="repeated"))
    async with harness.delivering():
        await until(harness.states, lambda states: "pending" not in {state for *_, state in states})
    failed = [event for event in await harness.published() if event["event"].endswith("failed")]
    assert [event["reason"] for event in failed] == ["the recipient has left"] * 2
    assert len(harness.posted()) == 2
    # Not by the message of a colleague either, and the person changes nothing any longer.
    omars = next(post for post in harness.posted() if post.body["channel"] == "D-omar")
    body = pressed("U-dana", token_of(omars))
    refused = await send_as_slack(api, body)
    assert refused.status_code == 403
    assert (await put(api, "dana")).status_code == 403
    assert (await put(api, "dana", "rita", {"name": "Rita", "media": []})).status_code == 403


@pytest.mark.usefixtures("team")
async def test_pending_message_goes_to_the_new_address(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    await harness.handle(paged("dana"))
    await put(api, "dana", body={"name": "Dana", "media": [MAIL]})
    async with harness.database.transaction() as uow:
        claim = await deliveries.claim({"email": 16}, DeliveryRules(), uow)
        slack = await deliveries.claim({"slack": 16}, DeliveryRules(), uow)
    async with harness.database.transaction() as uow:
        await failover.fail_hopeless(slack.hopeless, DeliveryRules().retry, uow)
    pages = [each.notification for each in claim.deliveries if each.notification.kind == "page"]
    (page,) = pages
    assert page.address
    assert (page.address.details, page.link_epoch) == ({"address": "new@example.com"}, 2)
    assert [each.notification.kind for each in slack.deliveries] == ["notice"]
    failed = [each for each in await harness.published() if each["event"] == "notification_failed"]
    assert [each["reason"] for each in failed] == ["the recipient no longer has slack"]
