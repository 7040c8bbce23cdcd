"""Starts PostgreSQL and Kafka together and stops them together."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import assert_never

from devstack import containers, jars
from devstack.backend import THIS_MACHINE, Backend, choose, parse
from devstack.errors import StackError
from devstack.kafka import Kafka, SecureListener
from devstack.paths import run_directory
from devstack.postgres import Postgres
from devstack.progress import Progress
from devstack.servers import LocalServer, Server

POSTGRES_VARIABLE = "STACK_POSTGRES_ADMIN_URL"
KAFKA_VARIABLE = "STACK_KAFKA_BOOTSTRAP"


SILENT = Progress()


@dataclass(frozen=True)
class Stack:
    """`reason` says in one line why this backend was chosen."""

    backend: Backend
    reason: str
    postgres_admin_url: str
    kafka_bootstrap: str
    # Where clients connect with TLS and SASL.
    kafka_secure_bootstrap: str | None = None
    # Where clients connect with a certificate.
    kafka_mutual_bootstrap: str | None = None
    # A proxy at `kafka_proxy_port` must forward to this port.
    kafka_proxy_target: int | None = None
    # None if the servers are external: then they can't be stopped from here.
    postgres: Server | None = None
    kafka: Server | None = None


@contextmanager
def start(
    backend: Backend | None = None,
    *,
    root: Path | None = None,
    durable: bool = True,
    kafka_proxy_port: int | None = None,
    kafka_secure_listener: SecureListener | None = None,
    progress: Progress = SILENT,
) -> Iterator[Stack]:
    """Start the servers; they stop at the end of the block, or die with the calling thread.

    Without a `backend` the environment variable `STACK` decides, by default `auto`. The data of the
    run is kept below `root`. `durable=False` is fast and for tests: a power cut may lose commits.
    `kafka_proxy_port` is the port of a proxy that clients connect through; `kafka_secure_listener`
    is for clients that connect with TLS and SASL.
    """
    backend = backend or parse(os.environ.get("STACK", Backend.AUTO))
    concrete, reason = choose(backend, THIS_MACHINE)
    if (kafka_proxy_port or kafka_secure_listener) and concrete is not Backend.EMBEDDED:
        msg = f"only an embedded Kafka can have further listeners; the backend is {reason}"
        raise StackError(msg)
    match concrete:
        case Backend.EMBEDDED:
            make_kafka = partial(
                Kafka,
                proxy_port=kafka_proxy_port,
                secure_listener=kafka_secure_listener,
            )
            servers = _embedded(reason, root, progress, make_kafka, durable=durable)
        case Backend.CONTAINERS:
            servers = _containers(reason, progress, durable=durable)
        case Backend.EXTERNAL:
            servers = _external(reason, os.environ)
        case _:
            assert_never(concrete)
    with servers as stack:
        yield stack


@contextmanager
def _embedded(
    reason: str,
    root: Path | None,
    progress: Progress,
    make_kafka: Callable[[Path], Kafka],
    *,
    durable: bool,
) -> Iterator[Stack]:
    with run_directory(root) as directory:
        postgres = Postgres(directory / "postgres", durable=durable)
        kafka = make_kafka(directory / "kafka")
        _fetch_kafka(progress)
        with progress.step("Preparing the data directories of PostgreSQL and Kafka"):
            _run_in_parallel(postgres.prepare, kafka.prepare)
        with _running(progress, PostgreSQL=postgres.server, Kafka=kafka.server):
            yield Stack(
                backend=Backend.EMBEDDED,
                reason=reason,
                postgres_admin_url=postgres.admin_url,
                kafka_bootstrap=kafka.bootstrap,
                kafka_secure_bootstrap=kafka.secure_bootstrap,
                kafka_mutual_bootstrap=kafka.mutual_bootstrap,
                kafka_proxy_target=kafka.proxy_target,
                postgres=postgres.server,
                kafka=kafka.server,
            )


@contextmanager
def _containers(reason: str, progress: Progress, *, durable: bool) -> Iterator[Stack]:
    if not containers.engine_answers():
        msg = "STACK=containers needs a Docker engine, but none answers"
        raise StackError(msg)
    postgres = containers.PostgresContainer(durable=durable)
    kafka = containers.KafkaContainer()
    with ExitStack() as cleanup:
        cleanup.callback(postgres.server.remove)
        cleanup.callback(kafka.server.remove)
        with progress.step("Fetching the images of PostgreSQL and Kafka and starting containers"):
            _run_in_parallel(postgres.server.create, kafka.server.create)
        with progress.step("Waiting for PostgreSQL"):
            postgres.server.wait_ready()
        with progress.step("Waiting for Kafka"):
            kafka.server.wait_ready()
        yield Stack(
            backend=Backend.CONTAINERS,
            reason=reason,
            postgres_admin_url=postgres.admin_url,
            kafka_bootstrap=kafka.bootstrap,
            postgres=postgres.server,
            kafka=kafka.server,
        )


@contextmanager
def _external(reason: str, env: Mapping[str, str]) -> Iterator[Stack]:
    for name in (POSTGRES_VARIABLE, KAFKA_VARIABLE):
        if not env.get(name):
            msg = f"STACK=external needs {name} in the environment"
            raise StackError(msg)
    yield Stack(
        backend=Backend.EXTERNAL,
        reason=reason,
        postgres_admin_url=env[POSTGRES_VARIABLE],
        kafka_bootstrap=env[KAFKA_VARIABLE],
    )


def _run_in_parallel(*jobs: Callable[[], None]) -> None:
    with ThreadPoolExecutor() as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()


def _fetch_kafka(progress: Progress) -> None:
    if not jars.directory().exists():
        with progress.step(f"Fetching Kafka {jars.KAFKA_VERSION} (once, 44 MB)"):
            jars.fetch()


@contextmanager
def _running(progress: Progress, **servers: LocalServer) -> Iterator[None]:
    with ExitStack() as cleanup:
        # Not in other threads: a child dies with the thread that launched it.
        for server in servers.values():
            cleanup.callback(server.stop)
            server.launch()
        for name, server in servers.items():
            with progress.step(f"Starting {name}"):
                server.wait_ready()
        yield
