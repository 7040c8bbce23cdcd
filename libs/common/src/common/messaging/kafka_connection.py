"""How every Kafka client of a process connects: address, encryption, and who it is."""

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_ENCRYPTED: Final = ("SSL", "SASL_SSL")
_SASL: Final = ("SASL_PLAINTEXT", "SASL_SSL")


class KafkaConnectionError(ValueError):
    """The settings of the Kafka connection contradict each other."""


@dataclass(frozen=True)
class KafkaConnection:
    """Raises KafkaConnectionError if the parts do not fit together or a file cannot be used.

    `bootstrap` is host:port, several separated by commas. Without a `ca_file` the certificates of
    this machine's own authorities count. `certificate_file` and `key_file` are the client's.
    """

    bootstrap: str
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    check_hostname: bool = True

    def __post_init__(self) -> None:
        if self.security_protocol in _ENCRYPTED:
            self._check_certificate()
        else:
            self._check_unencrypted()
        if self.security_protocol in _SASL:
            self._check_sasl()
        elif self.sasl_mechanism or self.username or self.password:
            raise KafkaConnectionError(
                f"A Kafka user needs the security protocol SASL_SSL, not {self.security_protocol}."
            )

    @cached_property
    def options(self) -> dict[str, Any]:
        """The arguments that each class of aiokafka takes."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol in _ENCRYPTED:
            options["ssl_context"] = self._ssl_context()
        if self.security_protocol in _SASL:
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        return options

    def _check_certificate(self) -> None:
        if (self.certificate_file is None) != (self.key_file is None):
            raise KafkaConnectionError(
                "The client's Kafka certificate and its key are needed together."
            )
        # Now, so that a wrong file is reported at the start.
        _ = self.options

    def _check_unencrypted(self) -> None:
        if self.ca_file or self.certificate_file or self.key_file:
            raise KafkaConnectionError(
                "Kafka certificates need the security protocol SSL or SASL_SSL, "
                f"not {self.security_protocol}."
            )
        if self.sasl_mechanism == "PLAIN":
            raise KafkaConnectionError(
                f"The SASL mechanism PLAIN would send the Kafka password unencrypted with "
                f"{self.security_protocol}: use SASL_SSL, or a SCRAM mechanism."
            )

    def _check_sasl(self) -> None:
        if not (self.sasl_mechanism and self.username and self.password):
            raise KafkaConnectionError(
                f"{self.security_protocol} needs a SASL mechanism, a Kafka username and a password."
            )

    def _ssl_context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # an SSLError too
            raise KafkaConnectionError(
                f"The CA file {self.ca_file} cannot be used: {error}"
            ) from error
        context.check_hostname = self.check_hostname
        if self.certificate_file is not None:
            try:
                context.load_cert_chain(self.certificate_file, self.key_file)
            except OSError as error:
                raise KafkaConnectionError(
                    f"The certificate {self.certificate_file} with the key {self.key_file} "
                    f"cannot be used: {error}"
                ) from error
        return context
