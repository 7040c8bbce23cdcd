"""How a process reaches Kafka: what does not fit together is refused at the start."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from common.__main__ import cli
from common.contracts.services import TOPIC_OWNERS
from common.messaging.kafka_connection import KafkaConnection, KafkaConnectionError
from common.messaging.signatures import SigningKey
from common.service.kafka_settings import KafkaSettings, SignatureSettingsError
from common.service.settings import read_settings

OWNERS = sorted(set(TOPIC_OWNERS.values()))
KEYS = {service: SigningKey.generate() for service in OWNERS}
PUBLIC = {service: [key.public] for service, key in KEYS.items()}
USER = {"sasl_mechanism": "SCRAM-SHA-512", "username": "upstairs_intake", "password": "secret"}


def settings(**values: Any) -> KafkaSettings:
    return KafkaSettings.model_validate({"kafka_bootstrap": "kafka:9092", **values})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"security_protocol": "SASL_SSL"}, "needs a SASL mechanism, a Kafka username"),
        ({"security_protocol": "SASL_SSL", **USER, "password": ""}, "and a password"),
        (USER, "A Kafka user needs the security protocol SASL_SSL, not PLAINTEXT"),
        ({"security_protocol": "SSL", **USER}, "A Kafka user needs"),
        ({"ca_file": Path("ca.pem")}, "need the security protocol SSL or SASL_SSL"),
        (
            {"security_protocol": "SASL_PLAINTEXT", **USER, "sasl_mechanism": "PLAIN"},
            "would send the Kafka password unencrypted",
        ),
        ({"security_protocol": "SSL", "key_file": Path("a")}, "needed together"),
        ({"security_protocol": "SSL", "ca_file": Path("none.pem")}, "CA file none.pem cannot"),
        (
            {"security_protocol": "SSL", "certificate_file": Path("a"), "key_file": Path("b")},
            "The certificate a with the key b cannot be used",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(KafkaConnectionError, match=message):
        KafkaConnection("kafka:9092", **parts)
    with pytest.raises(ValidationError, match=message):
        settings(**{f"kafka_{name}": value for name, value in parts.items()})


def test_user_and_password_reach_the_client_and_no_log() -> None:
    connection = settings(
        kafka_security_protocol="SASL_SSL",
        **{f"kafka_{name}": value for name, value in USER.items()},
    ).kafka
    assert connection.options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert connection.options["sasl_plain_password"] == "secret"
    assert connection.options["ssl_context"].check_hostname
    assert "secret" not in repr(connection)


def test_wrong_connection_ends_the_start_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UPSTAIRS_KAFKA_BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("UPSTAIRS_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SystemExit):
        read_settings(KafkaSettings)
    assert "  SASL_SSL needs a SASL mechanism" in capsys.readouterr().err


def test_two_services_have_no_key_in_common() -> None:
    """Else one of them could speak for the other; also beside others, as during a rotation."""
    keys = {**PUBLIC, "router": [*PUBLIC["router"], *PUBLIC["intake"]]}
    with pytest.raises(ValidationError, match="intake and router have the same key"):
        settings(event_verification_keys=keys)


def test_verification_keys_must_name_every_owner_and_nobody_else() -> None:
    without = {service: keys for service, keys in PUBLIC.items() if service != "router"}
    for keys in (without, {**PUBLIC, "router": []}):
        with pytest.raises(ValidationError, match="and no other: router"):
            settings(event_verification_keys=keys)
    with pytest.raises(ValidationError, match="and no other: stranger"):
        settings(event_verification_keys={**PUBLIC, "stranger": PUBLIC["intake"]})


@pytest.mark.parametrize(
    ("key_of", "message"),
    [(None, "nobody would believe the events of intake"), ("router", "is not among")],
)
def test_service_that_the_others_would_not_believe_does_not_start(
    key_of: str | None, message: str
) -> None:
    seed = KEYS[key_of].seed if key_of else ""
    made = settings(event_signing_key=seed, event_verification_keys=PUBLIC)
    with pytest.raises(SignatureSettingsError, match=message):
        made.check_signing("intake")


def test_signing_before_anybody_verifies_is_allowed() -> None:
    settings(event_signing_key=KEYS["intake"].seed).check_signing("intake")
    settings().check_signing("intake")


def test_printed_keys_fit_together() -> None:
    printed = CliRunner().invoke(cli, ["signing-keys"]).stdout.splitlines()
    seeds = [line.partition("=")[2] for line in printed if "_SIGNING_KEY=" in line]
    public = orjson.loads(printed[-1].partition("=")[2])
    assert sorted(public) == OWNERS
    for service, seed in zip(OWNERS, seeds, strict=True):
        settings(event_signing_key=seed, event_verification_keys=public).check_signing(service)


def test_access_lists_are_what_the_code_reads_and_writes() -> None:
    arguments = ["kafka-acls", "escalation", "notifier", "--namespace", "test"]
    printed = CliRunner().invoke(cli, [*arguments, "--principal-prefix", "User:CN="]).stdout
    lines = [line.split("--allow-principal ")[-1] for line in printed.splitlines()]
    assert lines[0] == "# escalation"
    assert lines[1].startswith("User:CN=upstairs_escalation --operation Write --topic test.clocks")
    assert "--topic test.contacts.v1" not in lines[1]
    assert lines[2].startswith("User:CN=upstairs_escalation --operation Read --topic test.assign")
    assert lines[2].endswith("--group test.escalation")
    assert "--topic test.clocks.v1" in lines[2], "the stream reads its own topics"
    assert lines[4].endswith("--topic test.notifications.v1 --topic test.webhooks.v1")
    assert lines[4].startswith("User:CN=upstairs_notifier --operation Write ")


def test_intake_reads_and_refuses_what_outside_systems_write() -> None:
    printed = CliRunner().invoke(cli, ["kafka-acls", "intake"]).stdout
    _, writes, reads = printed.splitlines()
    assert "--topic upstairs.inbound-refused.v1" in writes
    assert "--topic upstairs.inbound.v1" not in writes
    assert "--topic upstairs.inbound.v1" in reads
    assert reads.endswith("--group upstairs.intake --group upstairs.intake-inbound")
