"""The examples of bodies in OpenAPI, sent as they stand: each service accepts them one by one."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import pytest

from common.contracts.assignments import ContactAssigned
from common.contracts.contacts import ContactReceived
from common.contracts.event import ContactId, CustomerId, PersonId, SystemName, TeamId
from common.contracts.services import EVENT_SERVICES
from common.http.examples import (
    ACTED_AT,
    CONTACT,
    CONTACT_ID,
    CUSTOMER,
    CUSTOMER_ID,
    DIRECTOR,
    MANAGER,
    OTHER_CONTACT_ID,
    PEOPLE,
    REPRESENTATIVE,
    SUPERVISOR,
    TEAM,
)
from common.storage.dead_letters import DeadLetter, store_dead_letter
from intake.api.customer_schemas import OTHER_CUSTOMER_ID
from intake.domain.customers import CustomerStatement
from intake.reception import ReceiveRequest, receive
from intake.use_cases import ReceiveContact
from integration.access.matrix import OPEN
from integration.access.scenario import KEYS, LINK_SECRET, Scenario, open_empty_scenario
from notifier.channels.slack import Slack
from notifier.channels.slack_interactions import parse
from notifier.verification_codes import VerificationCodes
from support.databases import Postgres, rows
from support.doubtful_text import DOUBTFUL
from support.openapi import examples_of
from support.people import described


@dataclass
class Reader:
    """Copies examples out of the reference of one service; `ids` are those that it gave."""

    service: Scenario
    ids: dict[str, str] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)

    async def send(self, caller: str, operation: str) -> Any:
        """Send each example of the operation as it stands; return the last answer."""
        described_operation = self.service.operations[operation]
        parameters = described_operation.get("parameters", ())
        examples = {each["name"]: each["example"] for each in parameters if each["in"] == "path"}
        self.service.values = examples | self.ids
        for body in examples_of(described_operation["requestBody"]["content"]["application/json"]):
            answer = await self.service.send(operation, KEYS[caller], json=body)
            assert answer.is_success, f"{operation}: {answer.text}"
        self.sent.add(operation)
        return answer.json() if answer.content else None


async def read_common(reader: Reader) -> None:
    async with reader.service.database.transaction() as uow:
        letter = DeadLetter("upstairs.contacts.v1/0/1@1", ValueError("unreadable"), b"{}")
        await store_dead_letter(uow.connection, letter, claimed=False)
    (letter_out,) = (await reader.service.act("ops", "GET", "/dead-letters"))["items"]
    reader.ids["letter_id"] = str(letter_out["id"])
    await reader.send("ops", "POST /v1/dead-letters/{letter_id}/discard")
    await reader.send("ops", "POST /v1/api-keys")


async def read_intake(reader: Reader) -> None:
    scenario = reader.service
    contact = "/v1/contacts/{contact_id}"
    receipt = await reader.send("shop", "POST /v1/contacts")
    reader.ids["contact_id"] = receipt["contact_id"]
    await scenario.handle(assigned(await now(scenario), receipt["contact_id"]))
    await write_doubtful_message(reader)
    await reader.send("rita", f"POST {contact}/answer-supervisor-question")
    await reader.send("shop", f"POST {contact}/messages")
    await reader.send("rita", f"POST {contact}/request-supervisor")
    await reader.send("rita", f"POST {contact}/prioritize")
    await reader.send("shop", f"POST {contact}/interactions")
    await reader.send("shop", f"POST {contact}/report-presence")
    await reader.send("rita", f"POST {contact}/resolve")
    await reader.send("shop", f"POST {contact}/feedback")
    await reader.send("shop", f"POST {contact}/surveys")
    await reader.send("shop", f"POST {contact}/surveys/{{survey_id}}/answer")
    await reader.send("rita", f"POST {contact}/reopen")
    await reader.send("shop", f"POST {contact}/abandon")
    await reader.send("rita", f"POST {contact}/reopen")
    await reader.send("rita", f"POST {contact}/discard")
    await reader.send("rita", f"POST {contact}/reopen")
    await add_other_contact(scenario)
    await reader.send("rita", f"POST {contact}/merge")
    await add_other_customer(scenario)
    await reader.send(SUPERVISOR, "POST /v1/customers/{customer_id}/merge")
    await reader.send(SUPERVISOR, "POST /v1/customers/{customer_id}/unmerge")
    await reader.send(MANAGER, "PUT /v1/channels/{kind}/{connection}")
    await reader.send(MANAGER, "POST /v1/channels/{kind}/{connection}/test")
    await reader.send(MANAGER, "POST /v1/understanding/preview")


async def write_doubtful_message(reader: Reader) -> None:
    """Write one of which nobody can be sure that it asks for a supervisor."""
    path = f"/contacts/{reader.ids['contact_id']}/messages"
    body = {"author": "customer", "text": DOUBTFUL}
    await reader.service.act("shop", "POST", path, body)


async def read_router(reader: Reader) -> None:
    scenario = reader.service
    scenario.database.clock.offset += datetime.fromisoformat(ACTED_AT) - await now(scenario)
    for person, entry in PEOPLE.items():
        if person != REPRESENTATIVE:
            await scenario.act("ops", "PUT", f"/people/{person}", entry)
        else:
            await reader.send("ops", "PUT /v1/people/{person_id}")
    await reader.send(SUPERVISOR, "PUT /v1/representatives/{representative_id}")
    await reader.send(SUPERVISOR, "PUT /v1/representatives/{representative_id}/adjustment")
    await become_available(scenario, REPRESENTATIVE)
    await scenario.handle(received(await now(scenario)))
    await reader.send(REPRESENTATIVE, "POST /v1/assignments/{contact_id}/decline")
    await become_available(scenario, "bruno")
    await reader.send("bruno", "POST /v1/assignments/{contact_id}/refer")
    await reader.send("bruno", "POST /v1/assignments/{contact_id}/release")
    await reader.send(REPRESENTATIVE, "PUT /v1/representatives/{representative_id}/presence")


# What a setting names comes before it.
SETTINGS_IN_ORDER: Final = (
    "calendars",
    "duty-schedules",
    "ladders",
    "sla-policies",
    "teams",
    "absences",
    "approval-limits",
)


async def read_escalation(reader: Reader) -> None:
    scenario = reader.service
    scenario.database.clock.offset += datetime.fromisoformat(ACTED_AT) - await now(scenario)
    await scenario.handle(
        *(
            described(person, entry.get("reports_to"), **without_superior(entry))
            for person, entry in PEOPLE.items()
        )
    )
    await scenario.act("ops", "PUT", "/approval-limits/manager", {"unlimited": True})
    for kind in SETTINGS_IN_ORDER:
        await reader.send(MANAGER, f"PUT /v1/{kind}/{{setting_id}}")
    await reader.send(MANAGER, "POST /v1/duty-schedules/{setting_id}/swaps")
    await reader.send(MANAGER, "POST /v1/duty-schedules/{setting_id}/overrides")
    await reader.send(REPRESENTATIVE, "POST /v1/sla-policies/match")
    await reader.send(MANAGER, "POST /v1/simulations")
    at = await now(scenario)
    await scenario.handle(received(at), assigned(at, CONTACT_ID))
    raised = await reader.send(REPRESENTATIVE, "POST /v1/escalations")
    escalation_id = reader.ids["escalation_id"] = raised["escalation_id"]
    act = "/v1/escalations/{escalation_id}"
    place = f"/escalations/{escalation_id}"
    await scenario.act(SUPERVISOR, "POST", f"{place}/acknowledge")
    for action in ("note", "request-coaching", "mediate", "snooze", "refer-up"):
        await reader.send(SUPERVISOR, f"POST {act}/{action}")
    await scenario.act(MANAGER, "POST", f"{place}/acknowledge")
    await reader.send(MANAGER, f"POST {act}/resolve")
    await reader.send(SUPERVISOR, f"POST {act}/reopen")
    await scenario.act(SUPERVISOR, "POST", f"{place}/acknowledge")
    costly = {"outcome": "refund", "note": "All of it", "amount": "149.00", "currency": "EUR"}
    await scenario.act(SUPERVISOR, "POST", f"{place}/resolve", costly)
    await reader.send(MANAGER, f"POST {act}/refuse")
    await reader.send(SUPERVISOR, f"POST {act}/hand-over")
    await scenario.act(MANAGER, "POST", f"{place}/acknowledge")
    await reader.send(MANAGER, f"POST {act}/hand-back")
    for verdict in ("uphold", "dismiss"):
        await complain(reader)
        await reader.send(DIRECTOR, f"POST /v1/complaints/{{complaint_id}}/{verdict}")


async def complain(reader: Reader) -> None:
    body = {"contact_id": CONTACT_ID, "reason": "She shouted.", "about": SUPERVISOR}
    await reader.service.act(REPRESENTATIVE, "POST", "/escalations", body)
    (complaint,) = (await reader.service.act(REPRESENTATIVE, "GET", "/complaints"))["items"]
    reader.ids["complaint_id"] = complaint["complaint_id"]


async def read_notifier(reader: Reader) -> None:
    await reader.send("ops", "PUT /v1/recipients/{person_id}")
    await reader.send(SUPERVISOR, "POST /v1/recipients/{person_id}/devices")
    await verify_address(reader)
    await reader.send("ops", "PUT /v1/status-webhooks/{source}")
    await reader.send("ops", "POST /v1/status-webhooks/{source}/rotate-secret")
    await reader.send("ops", "POST /v1/status-webhooks/{source}/replay")
    await reader.send(MANAGER, "PUT /v1/write-backs/{kind}/{connection}")
    await reader.send(MANAGER, "PUT /v1/maintenance-windows/{scope}/{name}")
    await reader.send(MANAGER, "PUT /v1/templates/{medium}/{reason}/{language}")
    await reader.send(MANAGER, "POST /v1/templates/preview")
    await reader.send("ops", "PUT /v1/recipients/{person_id}/stopped-mails")
    await pass_on_bounce(reader)


async def pass_on_bounce(reader: Reader) -> None:
    operation = "POST /v1/callbacks/email/reports"
    ((media_type, body),) = reader.service.operations[operation]["requestBody"]["content"].items()
    headers = {"Content-Type": media_type}
    answer = await reader.service.send(
        operation, KEYS["shop"], content=body["example"], headers=headers
    )
    assert answer.is_success, answer.text
    reader.sent.add(operation)


async def verify_address(reader: Reader) -> None:
    """The example is of the right form; a code is right only if it came."""
    path = f"/recipients/{SUPERVISOR}/addresses/email"
    await reader.service.act(SUPERVISOR, "POST", f"{path}/send-code")
    query = "SELECT notification_id FROM notifications WHERE content ->> 'reason' = 'address_code'"
    ((notification_id,),) = await rows(reader.service.database, query)
    code = VerificationCodes(LINK_SECRET).code(notification_id)
    await reader.service.act(SUPERVISOR, "POST", f"{path}/verify", {"code": code})
    reader.sent.add("POST /v1/recipients/{person_id}/addresses/{medium}/verify")


READ: Final[Mapping[str, Callable[[Reader], Awaitable[None]]]] = {
    "intake": read_intake,
    "router": read_router,
    "escalation": read_escalation,
    "notifier": read_notifier,
}


@pytest.mark.parametrize("service", EVENT_SERVICES)
async def test_every_example_of_a_body_is_accepted(
    postgres: Postgres, database_name: str, service: str
) -> None:
    async with open_empty_scenario(postgres, database_name, service) as scenario:
        reader = Reader(scenario)
        await read_common(reader)
        await READ[service](reader)
        with_body = {name for name, each in scenario.operations.items() if "requestBody" in each}
        # Nobody can sign the others by hand.
        assert reader.sent == with_body - OPEN[service].keys()


def test_example_of_a_press_in_slack_is_read() -> None:
    form = Slack.callback_body["application/x-www-form-urlencoded"]
    press = parse(urlencode(form["example"]).encode())
    assert [action.action_id for action in press.actions] == ["acknowledge"]


async def become_available(scenario: Scenario, person: str) -> None:
    presence = {"presence": "available"}
    await scenario.act(person, "PUT", f"/representatives/{person}/presence", presence)


async def add_other_contact(scenario: Scenario) -> None:
    """Let there be the contact into which the example merges."""
    command = ReceiveContact(
        received_from=SystemName("channel:shop"),
        customer=CustomerStatement(customer_id=CustomerId(CUSTOMER_ID)),
        contact_id=ContactId(OTHER_CONTACT_ID),
        **CONTACT,
    )
    async with scenario.database.transaction() as uow:
        await receive(ReceiveRequest(command, None), uow)
    await scenario.handle(assigned(await now(scenario), OTHER_CONTACT_ID))


async def add_other_customer(scenario: Scenario) -> None:
    """Let there be the customer into whom the example merges."""
    async with scenario.database.transaction() as uow:
        await uow.customers.describe([CustomerStatement(CustomerId(OTHER_CUSTOMER_ID))])


async def now(scenario: Scenario) -> datetime:
    async with scenario.database.transaction() as uow:
        at: datetime = uow.now
        return at


def received(at: datetime) -> ContactReceived:
    fields = {**CONTACT, "topic_of_contact": CONTACT["topic"]}
    del fields["topic"]
    return msgspec.convert(
        {**fields, "contact_id": CONTACT_ID, "occurred_at": at, "customer": CUSTOMER},
        ContactReceived,
    )


def assigned(at: datetime, contact_id: str) -> ContactAssigned:
    return ContactAssigned(
        contact_id=ContactId(contact_id),
        occurred_at=at,
        representative_id=PersonId(REPRESENTATIVE),
        team_id=TeamId(TEAM),
        reason="free",
    )


def without_superior(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "reports_to"}
