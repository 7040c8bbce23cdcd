"""The console before the running services: they believe its tokens, and name the person."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

import devstack
from common.contracts.escalations import EscalationAcknowledged, EscalationRaised
from common.contracts.event import ContactId
from stage.actors import Actors, running_system
from stage.console import WebConsole, make_links, wait_until_admitted
from stage.console_users import open_console_users
from stage.event_log import EventLog, open_event_log
from stage.stories import Scenario, customer_asks_for_supervisor
from stage.system import System

CONTACT = {
    "channel": "chat",
    "customer": {"customer_id": "c-console", "name": "Ada"},
    "subject": "From the console",
    "topic": "returns",
    "text": "Where is it?",
}


@dataclass(frozen=True)
class ConsoleStage:
    console: WebConsole
    system: System
    actors: Actors
    event_log: EventLog

    @asynccontextmanager
    async def browser_of(self, person: str) -> AsyncIterator[httpx.AsyncClient]:
        links = await make_links(self.system.console_environment(self.console))
        headers = {"Sec-Fetch-Site": "same-origin"}
        async with httpx.AsyncClient(
            base_url=self.console.url, headers=headers, trust_env=False, timeout=60
        ) as browser:
            answer = await browser.get(links[person])
            assert answer.status_code == 303, answer.text
            yield browser


@pytest.fixture(scope="module")
async def stage(
    stack: devstack.Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConsoleStage]:
    console = WebConsole()
    async with (
        running_system(stack, tmp_path_factory.mktemp("logs"), console=console) as (system, actors),
        open_event_log(system) as event_log,
    ):
        await wait_until_admitted(console.url, ("sara",))
        yield ConsoleStage(console, system, actors, event_log)


async def test_action_in_the_console_is_in_the_audit_trail_with_its_person(
    stage: ConsoleStage,
) -> None:
    created = await stage.actors.call("shop", "intake", "POST", "/contacts", CONTACT)
    contact_id = ContactId(created["contact_id"])
    raised = await stage.event_log.wait_for(EscalationRaised, contact_id)
    async with stage.browser_of("sara") as browser:
        page = await browser.get(f"/e/{raised.escalation_id}")
        assert "From the console" in page.text
        done = await browser.post(f"/e/{raised.escalation_id}/acknowledge")
        assert done.status_code == 303, done.text
    acknowledged = await stage.event_log.wait_for(EscalationAcknowledged, contact_id)
    assert acknowledged.by == "sara"
    place = f"/escalations/{raised.escalation_id}/audit-trail"
    trail = await stage.actors.call("ops", "escalation", "GET", place)
    assert "sara" in {entry["actor"] for entry in trail["entries"]}
    assert not [entry for entry in trail["entries"] if "console" in entry["actor"]]


async def test_command_ends_the_sessions_of_a_person_at_once(stage: ConsoleStage) -> None:
    async with stage.browser_of("sara") as sara, stage.browser_of("marco") as marco:
        assert (await sara.get("/sessions")).status_code == 200
        command = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "console", "revoke-sessions", "--person", "sara"),
            env={
                **stage.system.console_environment(stage.console),
                "PATH": os.environ["PATH"],
            },
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await command.communicate()
        assert command.returncode == 0
        assert output.startswith(b"Sessions of sara that were ended: ")
        assert (await sara.get("/sessions")).status_code == 303
        assert (await marco.get("/sessions")).status_code == 200


async def test_story_of_the_demo_is_done_by_pages_where_no_browser_starts(
    stage: ConsoleStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTAIRS_BROWSER", "/nowhere/chromium")
    async with open_console_users(stage.console.url, ["sara"]) as offered:
        assert offered.method.startswith("by its pages by HTTP: ")
        scenario = Scenario(
            stage.system, stage.actors, stage.event_log, lambda *_: None, offered.console_users
        )
        await customer_asks_for_supervisor(scenario)
    take_over, resolution = scenario.observations
    assert (take_over.sight.band, take_over.sight.button) == ("needs_you", "Acknowledge")
    assert take_over.sight.headline == "Shipping chat from Ada Lovelace"
    assert "Let me talk to your supervisor!" in take_over.sight.reasons[0]
    assert (resolution.sight.who, resolution.sight.button) == ("You have it", "Resolve…")
    assert resolution.after == "It is resolved. The row is gone."
