"""What people press on Floor, Mine and Duty reaches the services; what is refused is said there."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest

import devstack
from common.contracts.assignments import AssignmentReleased, ContactAssigned
from common.contracts.clocks import ClocksStarted
from common.contracts.event import ContactId
from common.contracts.people import PresenceChanged
from common.core.clock import TimeSource
from common.http.examples import REPRESENTATIVE
from stage.actors import running_system
from stage.centre import CENTRE_ROLES, Pace
from stage.centre.settings import FLOOR, put_centre_settings
from stage.console import WebConsole, wait_until_admitted
from stage.event_log import open_event_log
from stage.sample_settings import ROLES
from stage.stories import Scenario
from support.waiting import until

pytestmark = pytest.mark.xdist_group("console screens")
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class Office:
    """People who have signed in, each with a browser that follows what it is led to."""

    def __init__(self, scenario: Scenario, url: str, stack: AsyncExitStack) -> None:
        self.scenario = scenario
        self._url = url
        self._stack = stack

    async def enter(self, person: str) -> httpx.AsyncClient:
        browser = await self._stack.enter_async_context(
            httpx.AsyncClient(
                base_url=self._url,
                headers=SAME_ORIGIN,
                follow_redirects=True,
                trust_env=False,
                timeout=60,
            )
        )
        answer = await browser.post("/enter", data={"person": person})
        answer.raise_for_status()
        return browser

    async def assign(self, person: str) -> ContactId:
        """Let a contact come to a representative, of a topic that nobody else serves."""
        call, topic = self.scenario.actors.call, f"only-{person}"
        entry = await call("ops", "router", "GET", f"/people/{person}")
        fields = {name: entry[name] for name in ("name", "roles", "team_id", "reports_to")}
        skills = {"skills": [*entry["skills"], topic], "languages": entry["languages"]}
        await call("ops", "router", "PUT", f"/people/{person}", {**fields, **skills})
        contact = {
            "channel": "chat",
            "customer": {"customer_id": "c-1"},
            "subject": f"For {person}",
            "topic": topic,
            "language": entry["languages"][0],
        }
        made = await call("shop", "intake", "POST", "/contacts", contact)
        contact_id = ContactId(made["contact_id"])
        await self.scenario.event_log.wait_for(ContactAssigned, contact_id)
        return contact_id


@pytest.fixture(scope="module")
async def office(
    stack: devstack.Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    console, logs = WebConsole(), tmp_path_factory.mktemp("logs")
    roles = {**ROLES, **CENTRE_ROLES}
    async with (
        running_system(stack, logs, roles=roles, console=console) as (system, actors),
        open_event_log(system) as event_log,
        AsyncExitStack() as browsers,
    ):
        await put_centre_settings(actors, Pace())
        await wait_until_admitted(console.url, ("sara", "marco", REPRESENTATIVE))
        yield Office(Scenario(system, actors, event_log, lambda *_: None), console.url, browsers)


async def shown(browser: httpx.AsyncClient, address: str, text: str) -> str:
    """Return the page once it has this text: intake learns by an event who may see a contact."""

    async def load() -> str:
        return (await browser.get(address)).text

    return await until(load, lambda page: text in page)


async def test_supervisor_sets_the_presence_of_a_person(office: Office) -> None:
    sara = await office.enter("sara")
    assert "Lena Lang" in (await sara.get("/floor")).text
    form = {"presence": "away", "reason": "lunch"}
    page = await sara.post("/floor/lena/presence", data=form)
    assert page.status_code == 200
    assert "The presence is set." in page.text
    changed = await office.scenario.event_log.wait_until(
        lambda: next(
            (
                entry.event
                for entry in office.scenario.event_log.entries
                if isinstance(entry.event, PresenceChanged)
                and (entry.event.person_id, entry.event.presence) == ("lena", "away")
            ),
            None,
        ),
        "PresenceChanged of lena",
    )
    assert changed.reason == "lunch"
    assert "lunch" in (await sara.get("/floor")).text


async def test_refused_presence_is_said_in_its_form(office: Office) -> None:
    sara = await office.enter("sara")
    form = {"presence": "away", "reason": "x" * 301}
    page = await sara.post("/floor/omar/presence", data=form)
    assert page.status_code == 422
    assert 'id="problem-presence"' in page.text
    assert 'value="away" checked' in page.text


async def test_supervisor_gives_a_contact_back(office: Office) -> None:
    contact_id = await office.assign("priya")
    sara = await office.enter("sara")
    page = await shown(sara, "/floor/priya", "For priya")
    address = f"/floor/priya/contacts/{contact_id}/release"
    assert f'action="{address}"' in page
    refused = await sara.post(address, data={"reason": ""})
    assert refused.status_code == 422
    assert f'id="problem-release-{contact_id}"' in refused.text
    done = await sara.post(address, data={"reason": "Priya goes home."})
    assert "The contact went to another person or to the queue." in done.text
    released = await office.scenario.event_log.wait_for(AssignmentReleased, contact_id)
    assert released.representative_id == "priya"
    again = await sara.post(address, data={"reason": "Once more."})
    assert again.status_code == 409


async def test_representative_sees_own_contacts_with_their_promises(office: Office) -> None:
    contact_id = await office.assign(REPRESENTATIVE)
    await office.scenario.event_log.wait_for(ClocksStarted, contact_id)
    rita = await office.enter(REPRESENTATIVE)
    page = await shown(rita, "/mine", "For rita")
    assert "First reply" in page


async def test_representative_does_not_see_floor_and_duty(office: Office) -> None:
    rita = await office.enter(REPRESENTATIVE)
    for address in ("/floor", "/floor/lena", "/duty", f"/duty/{FLOOR}/swap"):
        assert (await rita.get(address)).status_code == 403
    answer = await rita.post("/floor/lena/presence", data={"presence": "offline"})
    assert answer.status_code == 403


async def test_supervisor_agrees_to_a_swap(office: Office) -> None:
    sara = await office.enter("sara")
    page = await sara.get("/duty")
    assert "Nadia Novak and Sara Singh (supervisor) swap their turns" in page.text
    link = re.search(r'action="(/duty/[^"]+/accept)"', page.text)
    assert link is not None
    done = await sara.post(link[1])
    assert "You have agreed. Duty is changed." in done.text
    again = await sara.post(link[1])
    assert again.status_code == 409


async def test_swap_is_asked_of_the_colleague(office: Office) -> None:
    sara = await office.enter("sara")
    empty = await sara.post(f"/duty/{FLOOR}/swap", data={})
    assert empty.status_code == 422
    assert 'id="problem-second"' in empty.text
    past = {"second": "felix", "from": "2020-01-01T08:00", "until": "2020-01-02T08:00"}
    refused = await sara.post(f"/duty/{FLOOR}/swap", data=past)
    assert refused.status_code == 409
    assert 'role="alert"' in refused.text
    assert 'value="2020-01-01T08:00"' in refused.text
    tomorrow = TimeSource().utc_now() + timedelta(days=1)
    times = {"from": tomorrow, "until": tomorrow + timedelta(days=1)}
    written = {name: f"{time:%Y-%m-%dT%H:%M}" for name, time in times.items()}
    done = await sara.post(f"/duty/{FLOOR}/swap", data={"second": "felix", **written})
    assert "The colleague is asked." in done.text
    assert "You have asked" in done.text


async def test_manager_fills_the_gap(office: Office) -> None:
    marco = await office.enter("marco")
    page = await marco.get("/duty")
    link = re.search(r'href="(/duty/floor-managers/override\?[^"]+)"', page.text)
    assert link is not None
    form = (await marco.get(link[1].replace("&amp;", "&"))).text
    times = dict(re.findall(r'name="(from|until)"[^>]* value="([^"]+)"', form))
    body = {"person_id": "dora", "instead_of": "", **times}
    done = await marco.post("/duty/floor-managers/override", data=body)
    assert "Duty is changed." in done.text
    assert "Nobody is on duty at these times" not in done.text


async def test_unknown_schedule_is_no_failure(office: Office) -> None:
    sara = await office.enter("sara")
    assert (await sara.get("/duty/no-such-plan/swap")).status_code == 404
    assert (await sara.get(f"/duty/{FLOOR}/nothing")).status_code == 422
    assert (await sara.get("/floor/nobody-here")).status_code == 404
