"""The services as processes on one stack, set up as in operations."""

import asyncio
import os
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import yaml
from sqlalchemy import URL, make_url, pool, text

from common.contracts.services import EVENT_SERVICES
from common.messaging.kafka_connection import KafkaConnection
from common.messaging.record_decoder import RecordDecoder
from common.messaging.signatures import SigningKey, VerificationKeys
from common.service.provision import RolePasswords, TopicSpec, create_topics, provision_schema
from common.storage.async_engine import make_async_engine
from common.storage.migrations import migrate
from common.storage.roles import owner_role, serving_role
from devstack import Process, Progress, Stack, free_port
from devstack.receivers import MailReceiver, SlackReceiver
from stage.console import SERVICE as CONSOLE
from stage.console import WebConsole

# Database roles belong to the server, so all systems on one stack share this password.
ROLE_PASSWORD = "local"  # noqa: S105 - of a temporary server on loopback
REPOSITORY = Path(__file__).parents[4]
TOPICS = REPOSITORY / "deploy" / "topics.yaml"


@dataclass(frozen=True)
class Receivers:
    """Local stand-ins for the outside systems that the notifier calls."""

    slack: SlackReceiver
    mail: MailReceiver


@dataclass(frozen=True)
class Replica:
    """One process of a service; the first one has the name of its service.

    A static member of its consumer group keeps its partitions during a restart.
    """

    service: str
    number: int = 0
    is_static_member: bool = True

    @property
    def name(self) -> str:
        return self.instance_id if self.number else self.service

    @property
    def instance_id(self) -> str:
        return f"{self.service}-{self.number}"


@dataclass(frozen=True)
class Proxies:
    """Ports of proxies between the services and their servers; None means no proxy."""

    postgres: int | None = None
    kafka: int | None = None


@dataclass
class System:
    """Database, topics and consumer groups start with `namespace`, so systems can share a stack.

    `processes`, `ports` and `operations_ports` are by the name of the replica.
    """

    stack: Stack
    receivers: Receivers
    api_keys: str
    logs: Path
    namespace: str = field(default_factory=lambda: f"upstairs_{secrets.token_hex(4)}")
    extra_environment: Mapping[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = ("-m",)
    replicas: int = 1
    proxies: Proxies = Proxies()
    console: WebConsole | None = None
    # How each service connects to Kafka; by default as everybody does.
    kafka_connections: Mapping[str, KafkaConnection] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    operations_ports: dict[str, int] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress, repr=False)
    link_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    encryption_key: str = field(
        default_factory=lambda: urlsafe_b64encode(secrets.token_bytes(32)).decode(), repr=False
    )
    # Almost all numbers of 32 bytes are keys.
    web_push_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    feed_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    slack_signing_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    signing_keys: Mapping[str, SigningKey] = field(
        default_factory=lambda: {service: SigningKey.generate() for service in EVENT_SERVICES},
        repr=False,
    )

    async def set_up(self) -> None:
        """Make the database, roles, schemas, tables and topics."""
        with self.progress.step("Creating the database, with a role and a schema for each service"):
            await self._create_database()
            for service in self.schemas:
                passwords = RolePasswords(serving=ROLE_PASSWORD, owner=ROLE_PASSWORD)
                await provision_schema(self.admin_url, service, passwords)
        # Each migration runs its own event loop, so it needs a thread.
        with ThreadPoolExecutor(1) as thread:
            loop = asyncio.get_running_loop()
            for service in self.schemas:
                with self.progress.step(f"Migrating the tables of {service}"):
                    url = self._rendered(self._url_as(owner_role(service)))
                    await loop.run_in_executor(thread, migrate, service, url)
        listed = yaml.safe_load(TOPICS.read_text())["topics"]
        specs = {name: TopicSpec.model_validate(spec) for name, spec in listed.items()}
        with self.progress.step(f"Creating {len(specs)} topics"):
            await create_topics(self.kafka, self.namespace, specs)

    def launch(self) -> None:
        """Start all replicas; they die with the calling thread, so it must keep running."""
        for number in range(self.replicas):
            for service in EVENT_SERVICES:
                self.launch_replica(Replica(service, number))
        if self.console is not None:
            self._launch_console(self.console)

    def _launch_console(self, console: WebConsole) -> None:
        process = Process(
            name=CONSOLE,
            argv=(sys.executable, *self.launcher, CONSOLE, "serve"),
            env={**_inherited(), **self.console_environment(console)},
            log_path=self.logs / f"{CONSOLE}.log",
            ready_url=f"http://127.0.0.1:{console.operations_port}/readyz",
        )
        self.processes[CONSOLE] = process
        process.start()

    def console_environment(self, console: WebConsole) -> dict[str, str]:
        urls = {service: self.url(service) for service in EVENT_SERVICES}
        return {**console.environment(self.database_url(CONSOLE), urls), **self.extra_environment}

    @property
    def schemas(self) -> tuple[str, ...]:
        return EVENT_SERVICES if self.console is None else (*EVENT_SERVICES, CONSOLE)

    def launch_replica(self, replica: Replica) -> Process:
        self.ports.setdefault(replica.name, free_port())
        self.operations_ports.setdefault(replica.name, free_port())
        process = self._process(replica)
        self.processes[replica.name] = process
        process.start()
        return process

    def process_of(self, instance_id: str) -> Process:
        service, _, number = instance_id.rpartition("-")
        return self.processes[Replica(service, int(number)).name]

    def replicas_of(self, service: str) -> list[str]:
        return [Replica(service, number).name for number in range(self.replicas)]

    async def wait_ready(self, timeout_s: float = 300) -> None:
        async with asyncio.TaskGroup() as group:
            for process in self.processes.values():
                group.create_task(self._wait_for(process, timeout_s))

    async def _wait_for(self, process: Process, timeout_s: float) -> None:
        with self.progress.step(f"Starting {process.name}"):
            await process.wait_ready(timeout_s)

    def stop(self) -> None:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Process.stop, self.processes.values()))

    def url(self, replica: str) -> str:
        return f"http://127.0.0.1:{self.ports[replica]}"

    def operations_url(self, replica: str) -> str:
        """Where the replica has its health, metrics and API reference."""
        return f"http://127.0.0.1:{self.operations_ports[replica]}"

    @property
    def kafka(self) -> KafkaConnection:
        return KafkaConnection(self.stack.kafka_bootstrap)

    def _kafka_of(self, service: str) -> KafkaConnection:
        if self.proxies.kafka:
            return KafkaConnection(f"127.0.0.1:{self.proxies.kafka}")
        return self.kafka_connections.get(service, self.kafka)

    @property
    def record_decoder(self) -> RecordDecoder:
        return RecordDecoder(self.namespace, VerificationKeys(self._public_keys))

    @property
    def _public_keys(self) -> dict[str, list[str]]:
        return {service: [key.public] for service, key in self.signing_keys.items()}

    @property
    def admin_url(self) -> str:
        return self._rendered(self._url)

    def database_url(self, service: str) -> str:
        return self._rendered(self._url_of(service))

    def _url_of(self, service: str) -> URL:
        return self._url_as(serving_role(service))

    def _url_as(self, role: str) -> URL:
        return self._url.set(username=role, password=ROLE_PASSWORD)

    @property
    def _url(self) -> URL:
        return make_url(self.stack.postgres_admin_url).set(
            drivername="postgresql+asyncpg", database=self.namespace
        )

    def _rendered(self, url: URL) -> str:
        return url.render_as_string(hide_password=False)

    async def _create_database(self) -> None:
        server = make_url(self.stack.postgres_admin_url).set(drivername="postgresql+asyncpg")
        engine = make_async_engine(server, isolation_level="AUTOCOMMIT", poolclass=pool.NullPool)
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {self.namespace}"))
        await engine.dispose()

    def _process(self, replica: Replica) -> Process:
        return Process(
            name=replica.name,
            argv=(sys.executable, *self.launcher, replica.service, "serve"),
            env={**_inherited(), **self._environment(replica)},
            log_path=self.logs / f"{replica.name}.log",
            ready_url=f"{self.operations_url(replica.name)}/readyz",
        )

    def _environment(self, replica: Replica) -> dict[str, str]:
        database = self._url_of(replica.service)
        if self.proxies.postgres:
            database = database.set(port=self.proxies.postgres)
        return {
            "UPSTAIRS_DATABASE_URL": self._rendered(database),
            **_kafka_environment(self._kafka_of(replica.service)),
            "UPSTAIRS_KAFKA_SESSION_TIMEOUT_MS": "6000",
            "UPSTAIRS_NAMESPACE": self.namespace,
            "UPSTAIRS_EVENT_SIGNING_KEY": self.signing_keys[replica.service].seed,
            "UPSTAIRS_EVENT_VERIFICATION_KEYS": orjson.dumps(self._public_keys).decode(),
            "UPSTAIRS_HTTP_PORT": str(self.ports[replica.name]),
            # All people and all load come from this one address.
            "UPSTAIRS_HTTP_CONNECTIONS": "4000",
            "UPSTAIRS_HTTP_CONNECTIONS_PER_CLIENT": "4000",
            # The password of the roles is published.
            "UPSTAIRS_TRIAL": "true",
            "UPSTAIRS_OPERATIONS_PORT": str(self.operations_ports[replica.name]),
            "UPSTAIRS_API_KEYS": self.api_keys,
            "UPSTAIRS_PUBLIC_URL": self.url(replica.service),
            "UPSTAIRS_ENCRYPTION_KEYS": self.encryption_key,
            "UPSTAIRS_LINK_SECRET": self.link_secret,
            "UPSTAIRS_FEED_SECRET": self.feed_secret,
            "UPSTAIRS_SLACK_API_URL": self.receivers.slack.url,
            "UPSTAIRS_SLACK_TOKEN": "xoxb-local",
            "UPSTAIRS_SLACK_SIGNING_SECRET": self.slack_signing_secret,
            "UPSTAIRS_SMTP_HOST": self.receivers.mail.host,
            "UPSTAIRS_SMTP_PORT": str(self.receivers.mail.port),
            "UPSTAIRS_SMTP_TLS": "none",
            # A channel's receiver of statuses is as local as the other outside systems.
            "UPSTAIRS_STATUS_WEBHOOK_TRUSTED_HOSTS": '["127.0.0.1"]',
            # Stories and loads page the same few people far more often than a person could read.
            "UPSTAIRS_RECIPIENT_BUDGET": "0",
            "UPSTAIRS_CUSTOMER_BUDGET": "0",
            "UPSTAIRS_CHANNEL_BUDGET": "0",
            "UPSTAIRS_BURST_BUDGET": "0",
            **self._console_settings,
            **({"UPSTAIRS_INSTANCE_ID": replica.instance_id} if replica.is_static_member else {}),
            **self.extra_environment,
        }

    @property
    def _console_settings(self) -> dict[str, str]:
        """Let services believe the console's tokens, and messages lead to it."""
        if self.console is None:
            return {}
        return {
            "UPSTAIRS_TOKEN_ISSUERS": orjson.dumps([self.console.token_issuer]).decode(),
            "UPSTAIRS_CONSOLE_URL": self.console.url,
            "UPSTAIRS_WEB_PUSH_KEY": self.web_push_key,
        }


@asynccontextmanager
async def open_receivers() -> AsyncIterator[Receivers]:
    async with SlackReceiver() as slack, MailReceiver() as mail:
        yield Receivers(slack, mail)


def _kafka_environment(connection: KafkaConnection) -> dict[str, str]:
    values = {
        "BOOTSTRAP": connection.bootstrap,
        "SECURITY_PROTOCOL": connection.security_protocol,
        "SASL_MECHANISM": connection.sasl_mechanism,
        "USERNAME": connection.username,
        "PASSWORD": connection.password,
        "CA_FILE": connection.ca_file,
        "CERTIFICATE_FILE": connection.certificate_file,
        "KEY_FILE": connection.key_file,
    }
    return {f"UPSTAIRS_KAFKA_{name}": str(value) for name, value in values.items() if value}


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
