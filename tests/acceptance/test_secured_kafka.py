"""The four services on a Kafka that admits nobody without TLS, a password and access lists."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import TopicAuthorizationFailedError
from msgspec import structs

import devstack
from common.contracts.assignments import ContactAssigned
from common.contracts.escalations import PageRequested
from common.contracts.event import EscalationId, Event, PersonId
from common.contracts.notifications import NotificationActedOn, NotificationSent
from common.contracts.services import EVENT_SERVICES, TOPIC_OWNERS, source_of
from common.core.ids import EventId, new_id
from common.messaging.envelope import Envelope, encode
from common.messaging.kafka import KafkaUnavailableError, start_client, topic_name
from common.messaging.kafka_connection import KafkaConnection
from stage import stories
from stage.actors import Actors
from stage.event_log import open_event_log
from stage.stories import Scenario
from stage.system import Replica, System, open_receivers
from support.access_lists import grant_access
from support.certificates import Authority
from support.waiting import until

# They share one system of four services.
pytestmark = pytest.mark.xdist_group("secured_kafka")


@dataclass(frozen=True)
class SecuredSystem:
    system: System
    actors: Actors
    authority: Authority
    stranger: KafkaConnection

    def connection(self, service: str) -> KafkaConnection:
        return self.system.kafka_connections[service]

    def topic(self, name: str) -> str:
        return topic_name(self.system.namespace, name)


@pytest.fixture(scope="module")
async def secured(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecuredSystem]:
    directory = tmp_path_factory.mktemp("secured")
    authority = Authority(directory, "authority")
    users = {f"upstairs_{service}": secrets.token_hex() for service in EVENT_SERVICES}
    listener = devstack.SecureListener(
        authority.issue("localhost"),
        {**users, "stranger": secrets.token_hex()},
        client_ca_file=authority.ca_file,
    )
    with devstack.start(durable=False, kafka_secure_listener=listener) as stack:

        def connection(user: str) -> KafkaConnection:
            return KafkaConnection(
                str(stack.kafka_secure_bootstrap),
                security_protocol="SASL_SSL",
                sasl_mechanism="SCRAM-SHA-512",
                username=user,
                password=listener.users[user],
                ca_file=authority.ca_file,
            )

        async with open_receivers() as receivers:
            actors = Actors()
            system = System(
                stack,
                receivers,
                actors.api_keys,
                directory,
                kafka_connections={
                    service: connection(f"upstairs_{service}") for service in EVENT_SERVICES
                },
            )
            await system.set_up()
            for service in EVENT_SERVICES:
                await grant_access(system.kafka, service, system.namespace, f"upstairs_{service}")
            try:
                system.launch()
                await system.wait_ready()
                actors.connect(system)
                await actors.put_sample_settings()
                yield SecuredSystem(system, actors, authority, connection("stranger"))
            finally:
                await actors.close()
                system.stop()


def connect_by_certificate(
    secured: SecuredSystem, name: str, authority: Authority | None = None
) -> KafkaConnection:
    file = (authority or secured.authority).issue(name)
    return KafkaConnection(
        str(secured.system.stack.kafka_mutual_bootstrap),
        security_protocol="SSL",
        ca_file=secured.authority.ca_file,
        certificate_file=file,
        key_file=file,
    )


async def send(connection: KafkaConnection, topic: str) -> None:
    producer = AIOKafkaProducer(**connection.options)
    try:
        await start_client(producer, connection)
        await producer.send_and_wait(topic, b"{}")
    finally:
        await producer.stop()


async def test_printed_access_lists_are_enough_for_an_escalation(secured: SecuredSystem) -> None:
    async with open_event_log(secured.system) as event_log:
        scenario = Scenario(secured.system, secured.actors, event_log, lambda *_: None)
        await stories.customer_asks_for_supervisor(scenario)
    # The stream reads the topics of its own service.
    await secured.actors.call("sara", "escalation", "GET", "/escalations")
    for service in EVENT_SERVICES:
        assert [
            letter for letter in await dead_letters(secured, service) if letter["trusted"]
        ] == []
        log = (secured.system.logs / f"{service}.log").read_text()
        assert "AuthorizationFailed" not in log, service


async def test_forged_answer_and_page_have_no_effect(secured: SecuredSystem) -> None:
    """By somebody who may write to every topic, and names the right source."""
    system, actors = secured.system, secured.actors
    async with open_event_log(system) as event_log:
        scenario = Scenario(system, actors, event_log, lambda *_: None)
        contact_id = await stories.create_contact(scenario, "returns", "Not yet forged", "email")
        await event_log.wait_for(ContactAssigned, contact_id)
        path, reason = f"/assignments/{contact_id}/refer", {"reason": "above me"}
        await actors.call("rita", "router", "POST", path, reason)
        page = await event_log.wait_for(PageRequested, contact_id)
        sent = await event_log.wait_for(NotificationSent, contact_id)
    assert page.contact is not None
    answer = NotificationActedOn(
        contact_id=contact_id,
        occurred_at=sent.occurred_at,
        notification_id=sent.notification_id,
        page_id=sent.page_id,
        person_id=PersonId("marco"),
        escalation_id=EscalationId(str(page.escalation_id)),
        action="take_over",
        medium="slack",
    )
    phishing = structs.replace(page.contact, subject="FORGED: sign in at evil.example")
    forged = structs.replace(page, page_id=new_id(), contact=phishing)
    for event, reader in ((answer, "escalation"), (forged, "notifier")):
        event_id = new_id()
        await forge(system, event, event_id)
        letter = await until(partial(find_letter, secured, reader, event_id))
        assert not letter["trusted"]
        assert "not signed with a key of" in letter["reason"]
        path = f"/dead-letters/{letter['id']}/replay"
        await actors.call("ops", reader, "POST", path, expect=(422,))
        assert (await find_letter(secured, reader, event_id))["state"] == "waiting"
    shown = await actors.call("sara", "escalation", "GET", f"/escalations/{page.escalation_id}")
    assert shown["state"] == "raised"
    bodies = [str(call.body) for call in system.receivers.slack.requests]
    assert not [body for body in bodies if "FORGED" in body]
    assert not [mail for mail in system.receivers.mail.messages if "FORGED" in str(mail)]


async def dead_letters(secured: SecuredSystem, service: str) -> list[Any]:
    page = await secured.actors.call("ops", service, "GET", "/dead-letters")
    return list(page["items"])


async def find_letter(secured: SecuredSystem, service: str, event_id: str) -> Any:
    letters = await dead_letters(secured, service)
    return next((letter for letter in letters if letter["event_id"] == event_id), None)


async def forge(system: System, event: Event, event_id: str) -> None:
    envelope = Envelope(
        id=EventId(event_id),
        type=event.type,
        source=source_of(TOPIC_OWNERS[event.topic]),
        key=event.key,
        sequence=99,
        traceparent=None,
    )
    producer = AIOKafkaProducer(**system.kafka.options)
    await producer.start()
    try:
        await producer.send_and_wait(
            topic_name(system.namespace, event.topic),
            msgspec.json.encode(event),
            key=event.key.encode(),
            headers=encode(envelope),
        )
    finally:
        await producer.stop()


@pytest.mark.parametrize(
    ("service", "topic"),
    [("notifier", "escalations"), ("intake", "notifications"), ("router", "contacts")],
)
async def test_service_cannot_write_to_the_topic_of_another(
    secured: SecuredSystem, service: str, topic: str
) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await send(secured.connection(service), secured.topic(topic))


async def test_stranger_with_a_password_cannot_write(secured: SecuredSystem) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await send(secured.stranger, secured.topic("notifications"))


async def test_stranger_without_a_password_cannot_connect(secured: SecuredSystem) -> None:
    stranger = KafkaConnection(
        secured.stranger.bootstrap, security_protocol="SSL", ca_file=secured.authority.ca_file
    )
    with pytest.raises(KafkaUnavailableError):
        await send(stranger, secured.topic("notifications"))


def intake_with(connection: KafkaConnection, secured: SecuredSystem, logs: Path) -> System:
    """Return the system with no process, whose intake connects so."""
    return replace(
        secured.system,
        kafka_connections={"intake": connection},
        logs=logs,
        processes={},
        ports={},
        operations_ports={},
    )


async def test_service_works_by_its_certificate_and_writes_to_no_other_topic(
    secured: SecuredSystem, tmp_path: Path
) -> None:
    """Mutual TLS without any password; the access lists name the certificate's subject."""
    connection = connect_by_certificate(secured, "upstairs_intake")
    await grant_access(
        secured.system.kafka, "intake", secured.system.namespace, "CN=upstairs_intake"
    )
    await send(connection, secured.topic("contacts"))
    with pytest.raises(TopicAuthorizationFailedError):
        await send(connection, secured.topic("escalations"))
    system = intake_with(connection, secured, tmp_path)
    process = system.launch_replica(Replica("intake", is_static_member=False))
    try:
        await process.wait_ready(120)
    finally:
        process.stop()


@pytest.mark.parametrize("certificate", ["none", "another authority's"])
async def test_client_without_a_certificate_of_the_authority_cannot_connect(
    secured: SecuredSystem, tmp_path: Path, certificate: str
) -> None:
    other = Authority(tmp_path, "other")
    connection = connect_by_certificate(secured, "upstairs_intake", other)
    if certificate == "none":
        connection = replace(connection, certificate_file=None, key_file=None)
    with pytest.raises(KafkaUnavailableError):
        await send(connection, secured.topic("contacts"))


async def test_stranger_with_a_certificate_cannot_write(secured: SecuredSystem) -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await send(connect_by_certificate(secured, "stranger"), secured.topic("contacts"))


async def test_service_without_rights_waits_until_it_has_them(
    secured: SecuredSystem, tmp_path: Path
) -> None:
    system = replace(
        secured.system,
        kafka_connections={"intake": secured.stranger},
        logs=tmp_path,
        processes={},
        ports={},
        operations_ports={},
    )
    process = system.launch_replica(Replica("intake", is_static_member=False))
    try:
        async with httpx.AsyncClient(base_url=system.operations_url("intake")) as http:

            async def answer() -> tuple[int, str]:
                assert process.running, process.log_tail()
                try:
                    shown = await http.get("/readyz")
                except httpx.TransportError:
                    return 0, ""
                return shown.status_code, shown.text

            await until(answer, lambda shown: shown[1].count("AuthorizationFailedError") > 1)
            await grant_access(system.kafka, "intake", system.namespace, "stranger")
            await until(answer, lambda shown: shown[0] == 200)
    finally:
        process.stop()


@pytest.mark.parametrize("trouble", ["password", "authority", "protocol"])
async def test_refused_service_says_why_and_keeps_running(
    secured: SecuredSystem, trouble: str, tmp_path: Path
) -> None:
    right = secured.connection("intake")
    wrong, reason = {
        "password": (replace(right, password="wrong"), "SaslAuthenticationFailed"),
        "authority": (
            replace(right, ca_file=Authority(tmp_path, "other").ca_file),
            "CERTIFICATE_VERIFY_FAILED",
        ),
        "protocol": (KafkaConnection(right.bootstrap), "KafkaConnectionError"),
    }[trouble]
    system = intake_with(wrong, secured, tmp_path)
    process = system.launch_replica(Replica("intake", is_static_member=False))
    try:
        async with httpx.AsyncClient(base_url=system.operations_url("intake")) as http:

            async def troubles() -> str:
                assert process.running, process.log_tail()
                try:
                    return (await http.get("/readyz")).text
                except httpx.TransportError:
                    return ""

            shown = await until(troubles, lambda text: text.count(reason) > 1)
            assert "consumer" in shown
            assert "relay" in shown
            assert (await http.get("/livez")).status_code == 200
            assert right.password not in shown
        assert right.password not in process.log_path.read_text()
    finally:
        process.stop()
