"""How a process reaches Kafka and which records it believes, for services and for commands."""

import base64
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.contracts.services import TOPIC_OWNERS
from common.messaging.kafka_connection import KafkaConnection, SaslMechanism, SecurityProtocol
from common.messaging.signatures import SigningKey, VerificationKeys
from common.messaging.untrusted_records import UNTRUSTED_RECORD_LIMIT


class SignatureSettingsError(ValueError):
    """The keys for signatures do not fit together."""


class SigningKeyText(SecretStr):
    """An Ed25519 key as PEM, or its 32 bytes in Base64."""

    @property
    def forms(self) -> tuple[str, ...]:
        """The key as it is written, and its bytes if they are text: a phrase of 32 characters."""
        if not (written := self.get_secret_value()):
            return ()
        seed = SigningKey.parse(written).seed
        raw = base64.b64decode(seed)
        shown = seed if written.lstrip().startswith("-----") else written
        return (shown, raw.decode()) if raw.isascii() else (shown,)


class KafkaSettings(BaseSettings):
    """Variables are named `UPSTAIRS_` and the field, in capitals."""

    model_config = SettingsConfigDict(env_prefix="UPSTAIRS_", frozen=True, extra="ignore")

    kafka_bootstrap: str = Field(description="host:port, several separated by commas")
    kafka_security_protocol: SecurityProtocol = Field(
        default="PLAINTEXT", description="use SASL_SSL or SSL wherever others reach the network"
    )
    kafka_sasl_mechanism: SaslMechanism | None = Field(
        default=None,
        description="of the Kafka user: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`",
    )
    kafka_username: str = Field(default="", description="the Kafka user of this service")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="of `kafka_username`")
    kafka_ca_file: Path | None = Field(
        default=None,
        description="PEM file of the authority that signed the brokers' certificates; "
        "without it the authorities of this machine",
    )
    kafka_certificate_file: Path | None = Field(
        default=None, description="PEM file of the client's certificate, for mutual TLS"
    )
    kafka_key_file: Path | None = Field(
        default=None, description="PEM file of the key of `kafka_certificate_file`"
    )
    kafka_check_hostname: bool = Field(
        default=True, description="whether a broker's certificate must name its host"
    )
    event_signing_key: SigningKeyText = Field(
        default=SigningKeyText(""),
        description="signs the events of this service: an Ed25519 key as PEM, or its 32 bytes in "
        "Base64; empty: no signatures. See `python -m common signing-keys`",
    )
    event_verification_keys: dict[str, list[str]] = Field(
        default={},
        description="the public keys of every service, as a JSON object of lists: from then on "
        "only signed records are believed. All keys of a list are valid",
    )
    untrusted_record_limit: int = Field(
        default=UNTRUSTED_RECORD_LIMIT,
        ge=1,
        description="records kept as dead letters in an hour that are not proven to be from their "
        "topic's owner; ten times as many may wait. More are only counted",
    )

    @model_validator(mode="after")
    def _check_kafka(self) -> Self:
        """Refuse at the start what would fail later."""
        _ = self.kafka, self.signing_key, self.verification_keys
        return self

    @cached_property
    def kafka(self) -> KafkaConnection:
        return KafkaConnection(
            bootstrap=self.kafka_bootstrap,
            security_protocol=self.kafka_security_protocol,
            sasl_mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_username,
            password=self.kafka_password.get_secret_value(),
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
            check_hostname=self.kafka_check_hostname,
        )

    @cached_property
    def signing_key(self) -> SigningKey | None:
        text = self.event_signing_key.get_secret_value()
        return SigningKey.parse(text) if text else None

    @cached_property
    def verification_keys(self) -> VerificationKeys | None:
        keys = self.event_verification_keys
        if not keys:
            return None
        owners = set(TOPIC_OWNERS.values())
        if wrong := owners.symmetric_difference(name for name, texts in keys.items() if texts):
            raise SignatureSettingsError(
                f"Each service that publishes needs a verification key, and no other: "
                f"{', '.join(sorted(wrong))}."
            )
        return VerificationKeys(keys)

    def check_signing(self, service: str) -> None:
        """Raise SignatureSettingsError if the others would not believe what the service signs."""
        if self.verification_keys is None or service not in TOPIC_OWNERS.values():
            return
        if self.signing_key is None:
            raise SignatureSettingsError(
                f"UPSTAIRS_EVENT_SIGNING_KEY is empty: with verification keys in use, "
                f"nobody would believe the events of {service}."
            )
        if not self.verification_keys.accepts(service, self.signing_key):
            raise SignatureSettingsError(
                f"The public key {self.signing_key.public} of UPSTAIRS_EVENT_SIGNING_KEY is not "
                f"among the verification keys of {service}."
            )
