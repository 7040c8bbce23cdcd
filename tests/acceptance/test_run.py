"""The requests and the inbox page of `make run` work on the running system."""

import stat
from dataclasses import replace

import httpx

from common.contracts.clocks import ClocksStarted
from common.contracts.escalations import EscalationAcknowledged, EscalationRaised
from common.contracts.event import ContactId
from common.contracts.notifications import NotificationSent
from stage.environment import write_environment
from stage.first_requests import CONTACT, CREATE, FIRST_REQUESTS, FirstRequest, curl
from stage.inbox import Inbox, Message
from stage.stories import Scenario


async def send(stage: Scenario, request: FirstRequest, contact_id: str = "") -> dict[str, str]:
    path = request.path.replace(CONTACT, contact_id)
    answer: dict[str, str] = await stage.actors.call(
        request.person, request.service, request.method, path, request.body
    )
    return answer


def message_to_sara(inbox: Inbox, medium: str, subject: str) -> Message:
    return next(
        message
        for message in inbox.messages()
        if message.medium == medium
        and "SARA" in message.recipient.upper()
        and any(subject in line for line in message.lines)
    )


async def test_first_requests_are_accepted(stage: Scenario) -> None:
    first, *others = FIRST_REQUESTS
    contact_id = ContactId((await send(stage, first))["contact_id"])
    await stage.event_log.wait_for(ClocksStarted, contact_id)
    for request in others:
        assert await send(stage, request, contact_id)


def test_printed_request_is_a_shell_command(stage: Scenario) -> None:
    command = curl(CREATE, stage.system, stage.actors)
    assert command.startswith("CONTACT=$(curl -s -X POST ")
    assert stage.actors.key("shop") in command


async def test_variables_of_the_guides_can_be_read_by_their_owner_only(stage: Scenario) -> None:
    system = stage.system
    async with Inbox(system.receivers, system.url("notifier"), "") as inbox:
        variables = write_environment(system, stage.actors, inbox)
    assert stat.S_IMODE(variables.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR
    assert f"export SARA_KEY={stage.actors.key('sara')}\n" in variables.read_text()


async def test_acknowledge_button_of_the_inbox_acknowledges(stage: Scenario) -> None:
    subject = "Acknowledged from the inbox"
    create = replace(CREATE, body={**(CREATE.body or {}), "subject": subject})
    contact_id = ContactId((await send(stage, create))["contact_id"])
    raised = await stage.event_log.wait_for(EscalationRaised, contact_id)
    await stage.event_log.wait_for(
        NotificationSent,
        contact_id,
        lambda sent: (sent.person_id, sent.medium) == ("sara", "slack"),
    )
    system = stage.system
    inbox = Inbox(system.receivers, system.url("notifier"), system.slack_signing_secret)
    async with inbox, httpx.AsyncClient(base_url=inbox.url, trust_env=False) as browser:
        message = message_to_sara(inbox, "Slack", subject)
        button = next(button for button in message.buttons if button.action_id == "acknowledge")
        assert button.value
        assert button.value in (await browser.get("/")).text
        form = {"action_id": "acknowledge", "value": button.value}
        answer = await browser.post("/press", data=form)
    assert answer.status_code == 303, answer.text
    acknowledged = await stage.event_log.wait_for(EscalationAcknowledged, contact_id)
    assert (acknowledged.escalation_id, acknowledged.by) == (raised.escalation_id, "sara")
