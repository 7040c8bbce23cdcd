"""Now, an escalation and its actions, as a browser without scripts gets them."""

import asyncio

import pytest

from common.core.ids import new_id
from integration.console.harness import SAME_ORIGIN, ConsoleHarness
from integration.console.screens_harness import Browser, Screens, browser_of


async def test_now_shows_what_needs_the_person(screens: Screens) -> None:
    await screens.escalate(customer={"customer_id": "c-1", "name": "Grace <b>Hopper</b>"})
    sara = await screens.console.enter("sara")
    page = (await sara.get("/now")).text
    assert "Billing ticket from Grace &lt;b&gt;Hopper&lt;/b&gt;" in page
    assert "Must answer: you" in page
    assert ">Acknowledge</button>" in page
    assert "Contacts and conversations" not in page


async def test_now_says_which_part_is_missing(screens: Screens) -> None:
    await screens.escalate()
    sara = await screens.console.enter("sara")
    screens.break_off("router")
    page = await sara.get("/now")
    assert page.status_code == 200
    assert "Queues and people can't be shown now." in page.text
    assert "Billing ticket from Ada Lovelace" in page.text
    screens.break_off("escalation")
    page = await sara.get("/now")
    assert page.status_code == 200
    assert "Escalations can't be shown now." in page.text


@pytest.mark.parametrize(
    ("query", "is_there"),
    [
        ("severity=medium", True),
        ("severity=low", False),
        ("cause=customer_request&channel=ticket", True),
        ("team=front&sort=newest", True),
        ("representative=bruno", False),
        ("severity=purple&cursor=rubbish", True),
        ("topic='%20OR%201=1%20--", True),
    ],
)
async def test_filters_are_those_of_the_address(
    screens: Screens, query: str, is_there: bool
) -> None:
    await screens.escalate()
    page = await (await screens.console.enter("sara")).get(f"/now?{query}")
    assert page.status_code == 200
    assert ("Billing ticket from Ada Lovelace" in page.text) is is_there


async def test_escalation_shows_the_rest_if_services_are_down(screens: Screens) -> None:
    browser = await browser_of(screens)
    page = await browser.read()
    assert "The customer asks for a supervisor" in page
    assert "Your boss, please." in page
    assert "First reply" in page
    assert "Contacts and conversations can't be shown now." in page
    assert "Messages to colleagues can't be shown now." in page


async def test_acknowledgement_needs_no_script(screens: Screens) -> None:
    browser = await browser_of(screens)
    answer = await browser.send("acknowledge")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"{browser.place}?done=acknowledge",
    )
    page = await browser.read("?done=acknowledge")
    assert "You have it now." in page
    assert "Acknowledged by Sara" in page
    assert (await screens.show(browser.place[3:]))["holder"] == "sara"


async def test_script_gets_the_changed_row(screens: Screens) -> None:
    browser = await browser_of(screens)
    answer = await browser.send("acknowledge", None, **{"Sec-Fetch-Dest": "empty"})
    shown = answer.json()
    assert (shown["is_done"], shown["text"]) == (True, "You have it now.")
    assert 'data-band="yours"' in shown["row"]["html"]
    assert shown["row"]["keys"].keys() == {"time_left", "severity", "newest"}


async def test_form_that_is_sent_twice_acts_once(screens: Screens) -> None:
    browser = await browser_of(screens)
    fields = {**await browser.open_form("note"), "text": "Called her."}
    first, second = await asyncio.gather(browser.send("note", fields), browser.send("note", fields))
    assert {first.status_code, second.status_code} == {303}
    assert (await browser.read()).count("Called her.") == 1


async def test_form_can_be_sent_again_after_an_outage(screens: Screens) -> None:
    browser = await browser_of(screens)
    fields = {**await browser.open_form("note"), "text": "Called her."}
    api = screens.console.clients["escalation"]
    screens.break_off("escalation")
    answer = await browser.send("note", fields)
    assert answer.status_code == 503
    assert "Check whether it was done before you send it again." in answer.text
    assert "Called her." in answer.text
    screens.console.clients["escalation"] = api
    assert (await browser.send("note", fields)).status_code == 303
    assert "Called her." in await browser.read()


async def test_form_on_an_old_version_says_who_was_faster(screens: Screens) -> None:
    browser = await browser_of(screens)
    fields = {**await browser.open_form("refer-up"), "reason": "Above my <limit>."}
    faster = Browser(await screens.console.enter("mia"), browser.place[3:])
    await faster.send("acknowledge")
    answer = await browser.send("refer-up", fields)
    assert answer.status_code == 412
    assert "Meanwhile: Acknowledged by Mia, " in answer.text
    assert "Above my &lt;limit&gt;." in answer.text


async def test_action_that_came_too_late_is_answered(screens: Screens) -> None:
    browser = await browser_of(screens)
    faster = Browser(await screens.console.enter("mia"), browser.place[3:])
    await faster.send("acknowledge")
    answer = await browser.send("acknowledge")
    assert answer.status_code == 409
    assert "Meanwhile: Acknowledged by Mia, " in answer.text
    assert "Mia has it" in answer.text


async def test_action_on_what_has_ended_is_answered(screens: Screens) -> None:
    browser = await browser_of(screens)
    await browser.send("take-over", await browser.open_form("take-over"))
    note = {**await browser.open_form("note"), "text": "Too late."}
    fields = {**await browser.open_form("resolve"), "outcome": "answer", "note": "Explained."}
    assert (await browser.send("resolve", fields)).status_code == 303
    answer = await browser.send("note", note)
    assert answer.status_code == 409
    assert "Meanwhile: Resolved by Sara: Answer, " in answer.text
    page = await browser.read()
    assert "Reopen…" in page
    for form in ("note", "take-over", "resolve"):
        shown = await browser.client.get(f"{browser.place}/{form}")
        assert shown.status_code == 409
        assert "It has ended: resolved" in shown.text
        assert 'class="form"' not in shown.text
    assert (await browser.open_form("reopen"))["version"]
    assert "Acknowledge" not in page.replace("Acknowledged", "")


async def test_mistake_in_a_form_stands_beside_its_field(screens: Screens) -> None:
    browser = await browser_of(screens)
    await browser.send("acknowledge")
    fields = await browser.open_form("hand-over")
    answer = await browser.send("hand-over", {**fields, "to": "nobody", "context": "Please."})
    assert answer.status_code == 422
    assert 'id="problem-to"' in answer.text
    assert "Please." in answer.text


async def test_outcome_over_the_limit_is_approved_by_a_manager(screens: Screens) -> None:
    browser = await browser_of(screens)
    await browser.send("acknowledge")
    fields = {"outcome": "refund", "amount": "250", "currency": "EUR", "note": "Three weeks."}
    sent = {**await browser.open_form("resolve"), **fields}
    script = {"Sec-Fetch-Dest": "empty"}
    answer = (await browser.send("resolve", sent, **script)).json()
    assert answer["text"] == "It waits for an approval. Must decide: Mia."
    assert "Withdraw the request…" in await browser.read()
    mia = Browser(await screens.console.enter("mia"), browser.place[3:])
    now = (await mia.client.get("/now")).text
    assert "Sara asks to grant €250.00" in now
    assert "Approve…" in now
    assert (await mia.send("approve", await mia.open_form("approve"))).status_code == 303
    assert "Refund €250.00" in await mia.read()


async def test_representative_can_press_nothing(screens: Screens) -> None:
    browser = await browser_of(screens, "rita")
    page = await browser.read()
    assert "Acknowledge" not in page
    assert (await browser.send("acknowledge")).status_code == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("e/rubbish", 422),
        ("e/{id}", 404),
        ("e/{id}/paint", 404),
        ("e/{id}/note", 404),
        ("duty/nights/swap", 404),
    ],
)
async def test_page_that_does_not_exist_says_so(screens: Screens, path: str, status: int) -> None:
    sara = await screens.console.enter("sara")
    answer = await sara.get(f"/{path.format(id=new_id())}")
    assert answer.status_code == status
    assert "<main" in answer.text


async def test_swap_is_offered_with_whom_the_schedule_has(screens: Screens) -> None:
    rotation = {"zone": "UTC", "starts_at": "2026-01-01T00:00:00Z", "shift_s": 86400}
    nights = {"rotations": [{**rotation, "members": ["sara", "mia"]}]}
    assert (await screens.api.put("/v1/duty-schedules/nights", json=nights)).is_success
    sara = await screens.console.enter("sara")
    page = (await sara.get("/duty/nights/swap?from=2026-03-03T08:00")).text
    assert '<option value="mia">' in page
    assert '<option value="rita">' not in page
    assert 'type="datetime-local" value="2026-03-03T08:00"' in page


async def test_theme_is_kept_and_leads_back(screens: Screens) -> None:
    sara = await screens.console.enter("sara")
    headers = {"Sec-Fetch-Site": "same-origin", "Referer": "http://127.0.0.1:8005/now?sort=newest"}
    answer = await sara.post("/preferences", data={"theme": "dark"}, headers=headers)
    assert answer.headers["location"] == "/now?sort=newest"
    assert 'data-theme="dark"' in (await sara.get("/now")).text
    elsewhere = {**headers, "Referer": "https://evil.example//x"}
    answer = await sara.post("/preferences", data={"theme": "pink"}, headers=elsewhere)
    assert answer.headers["location"] == "/"
    assert 'data-theme="dark"' in (await sara.get("/now")).text


@pytest.mark.parametrize(("person", "place"), [("rita", "/mine"), ("sara", "/now")])
async def test_first_page_is_what_the_person_works_with(
    console: ConsoleHarness, person: str, place: str
) -> None:
    browser = await console.enter(person)
    assert (await browser.get("/")).headers["location"] == place


async def test_representative_sets_the_own_presence(console: ConsoleHarness) -> None:
    rita = await console.enter("rita")
    answer = await rita.post("/mine/presence", data={"presence": "away"}, headers=SAME_ORIGIN)
    assert answer.headers["location"] == "/mine?done=presence"
    page = (await rita.get("/mine?done=presence")).text
    assert "The presence is set." in page
    assert 'value="away" aria-pressed="true"' in page
