"""Apache Kafka: one node with KRaft, run from its jars."""

import os
import socket
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from devstack import jars, java
from devstack.errors import StackError
from devstack.processes import LOOPBACK, Process, free_port
from devstack.servers import LocalServer

# For a machine that is busy with something else.
START_SECONDS = 300
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
SETTINGS = {
    "auto.create.topics.enable": "false",
    # Consumers start one by one, and each must get its partitions at once.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker can register again only after its old session has expired.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "1000",
    # What an idle broker does for itself took half of its CPU time: threads that poll, and records
    # of the cluster's metadata that say nothing.
    "num.network.threads": "1",
    "num.io.threads": "2",
    "background.threads": "2",
    "metadata.max.idle.interval.ms": "5000",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # The default would take half of our heap.
    "log.cleaner.dedupe.buffer.size": "16777216",
}


@dataclass(frozen=True)
class SecureListener:
    """A second listener with TLS, and with SASL by PLAIN and SCRAM-SHA-512.

    What its `users`, names with passwords, may do is decided by access lists; without any they may
    do nothing. Anyone who comes by the first listener may do all. `certificate` is a PEM file of
    the broker's key (PKCS 8) and certificate, for the name `localhost`.

    With a `client_ca_file` there is a third listener: it admits who has a certificate of this
    authority (mutual TLS), by the whole subject of the certificate.
    """

    certificate: Path
    users: Mapping[str, str] = field(repr=False)
    client_ca_file: Path | None = None


class Kafka:
    """Clients may connect through a proxy at `proxy_port`, which forwards to `proxy_target`.

    Kafka tells clients which address to use, so clients of the proxy get the proxy's address.
    """

    def __init__(
        self,
        directory: Path,
        *,
        proxy_port: int | None = None,
        secure_listener: SecureListener | None = None,
    ) -> None:
        self.secure_port = None if secure_listener is None else free_port()
        self._secure_listener = secure_listener
        is_mutual = secure_listener is not None and secure_listener.client_ca_file is not None
        self.mutual_port = free_port() if is_mutual else None
        self.port = free_port()
        self.proxy_target = None if proxy_port is None else free_port()
        self._proxy_port = proxy_port
        self._controller_port = free_port()
        self._directory = directory
        self._config = directory / "server.properties"
        self._java = _java_command()
        process = Process(
            "kafka",
            [*self._java, "kafka.Kafka", self._config],
            env=dict(os.environ),
            log_path=directory.parent / "kafka.log",
        )
        self.server = LocalServer(process, lambda: kafka_answers(self.port), START_SECONDS)

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def secure_bootstrap(self) -> str | None:
        return None if self.secure_port is None else f"localhost:{self.secure_port}"

    @property
    def mutual_bootstrap(self) -> str | None:
        return None if self.mutual_port is None else f"localhost:{self.mutual_port}"

    def prepare(self) -> None:
        """Fetch the jars if necessary and format the storage; takes one or two seconds."""
        jars.fetch()
        self._directory.mkdir(parents=True)
        settings = broker_settings(
            self.bootstrap,
            advertised=self.bootstrap,
            controller=f"{LOOPBACK}:{self._controller_port}",
        )
        if self.proxy_target is not None:
            settings |= _proxy_listener(settings, self.proxy_target, advertised=self._proxy_port)
        if self._secure_listener is not None:
            settings |= _secure_settings(settings, self._secure_listener, self.secure_port)
            if self.mutual_port is not None:
                settings |= _mutual_settings(settings, self._secure_listener, self.mutual_port)
        settings["log.dirs"] = str(self._directory / "data")
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        self._config.write_text("".join(lines))
        command = [*self._java, "kafka.tools.StorageTool", "format"]
        command += ["--cluster-id", CLUSTER_ID, "--config", str(self._config)]
        if self._secure_listener is not None:
            for name, password in self._secure_listener.users.items():
                command += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        completed = subprocess.run(command, check=False, capture_output=True, text=True)
        if completed.returncode != 0:
            msg = f"formatting Kafka's storage failed: {completed.stdout}{completed.stderr}"
            raise StackError(msg)


def broker_settings(listen: str, *, advertised: str, controller: str) -> dict[str, str]:
    return SETTINGS | {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"BROKER://{listen},CONTROLLER://{controller}",
        "advertised.listeners": f"BROKER://{advertised}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
    }


def _proxy_listener(
    settings: Mapping[str, str], port: int, *, advertised: int | None
) -> dict[str, str]:
    return _with_listener(
        settings,
        f"FRONT://{LOOPBACK}:{port}",
        advertised=f"FRONT://{LOOPBACK}:{advertised}",
        protocol="FRONT:PLAINTEXT",
    )


def _secure_settings(
    settings: Mapping[str, str], listener: SecureListener, port: int | None
) -> dict[str, str]:
    own, sasl = "listener.name.secure", "org.apache.kafka.common.security"
    users = " ".join(f'user_{name}="{password}"' for name, password in listener.users.items())
    address = f"SECURE://localhost:{port}"
    return {
        **_with_listener(settings, address, advertised=address, protocol="SECURE:SASL_SSL"),
        f"{own}.ssl.keystore.type": "PEM",
        f"{own}.ssl.keystore.location": str(listener.certificate),
        f"{own}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        f"{own}.plain.sasl.jaas.config": f"{sasl}.plain.PlainLoginModule required {users};",
        f"{own}.scram-sha-512.sasl.jaas.config": f"{sasl}.scram.ScramLoginModule required;",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }


def _mutual_settings(
    settings: Mapping[str, str], listener: SecureListener, port: int
) -> dict[str, str]:
    own, address = "listener.name.mutual", f"MUTUAL://localhost:{port}"
    return {
        **_with_listener(settings, address, advertised=address, protocol="MUTUAL:SSL"),
        f"{own}.ssl.keystore.type": "PEM",
        f"{own}.ssl.keystore.location": str(listener.certificate),
        f"{own}.ssl.truststore.type": "PEM",
        f"{own}.ssl.truststore.location": str(listener.client_ca_file),
        f"{own}.ssl.client.auth": "required",
    }


def _with_listener(
    settings: Mapping[str, str], listen: str, *, advertised: str, protocol: str
) -> dict[str, str]:
    """Return the changed settings."""
    more = {
        "listeners": listen,
        "advertised.listeners": advertised,
        "listener.security.protocol.map": protocol,
    }
    return {name: f"{settings[name]},{value}" for name, value in more.items()}


def kafka_answers(port: int) -> bool:
    """Return whether a metadata request returns at least one broker."""
    metadata, version, correlation_id, no_client_id, no_topics = 3, 1, 1, -1, 0
    request = struct.pack(">hhihi", metadata, version, correlation_id, no_client_id, no_topics)
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                _size, _correlation_id, brokers = struct.unpack(">iii", answer.read(12))
    except (OSError, struct.error):
        return False
    return bool(brokers > 0)


def _java_command() -> list[str]:
    """Return the command without the main class and its arguments."""
    runtime = java.find()
    if runtime is None:
        msg = f"no Java {java.MIN_MAJOR}+ here: install it, or the extra `devstack[jvm]`"
        raise StackError(msg)
    log_settings = files("devstack") / "kafka-log4j2.properties"
    flags = ["-Xms256m", "-Xmx512m", f"-Dlog4j2.configurationFile={log_settings}"]
    # The second compiler takes half of the broker's CPU time in its first minutes, and in bursts.
    flags += ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return [runtime.command, *flags, "-cp", f"{jars.directory()}/*"]
