"""PostgreSQL and Kafka, started together and gone together."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from devstack import containers
from devstack.backend import THIS_MACHINE, Backend, choose, parse
from devstack.errors import StackError
from devstack.kafka import Kafka
from devstack.paths import run_directory
from devstack.postgres import Postgres
from devstack.servers import LocalServer, Server

POSTGRES_VARIABLE = "STACK_POSTGRES_ADMIN_URL"
KAFKA_VARIABLE = "STACK_KAFKA_BOOTSTRAP"


@dataclass(frozen=True)
class Stack:
    backend: Backend
    reason: str
    postgres_admin_url: str
    kafka_bootstrap: str
    # Where a proxy that stands at `kafka_proxy_port` must forward to.
    kafka_proxy_target: int | None = None
    # None when the servers are not ours to stop.
    postgres: Server | None = None
    kafka: Server | None = None


@contextmanager
def start(
    backend: Backend | None = None,
    *,
    root: Path | None = None,
    durable: bool = True,
    kafka_proxy_port: int | None = None,
) -> Iterator[Stack]:
    """Without a `choice`, `STACK` in the environment says it, else it is `auto`.

    `root` is for the data of this run. `durable=False` is for tests: quick, and a power
    cut may lose commits. `kafka_proxy_port` is the port of a proxy that clients are to come by.
    Call from a thread that lives on: the servers die with it.
    """
    backend = backend or parse(os.environ.get("STACK", Backend.AUTO))
    settled, why = choose(backend, THIS_MACHINE)
    if kafka_proxy_port is not None and settled is not Backend.EMBEDDED:
        msg = f"only an embedded Kafka knows of a proxy before it, and this is {why}"
        raise StackError(msg)
    match settled:
        case Backend.EMBEDDED:
            opened = _embedded(why, root, durable=durable, kafka_proxy_port=kafka_proxy_port)
        case Backend.CONTAINERS:
            opened = _containers(why, durable=durable)
        case Backend.EXTERNAL:
            opened = _external(why, os.environ)
        case _:
            assert_never(settled)
    with opened as stack:
        yield stack


@contextmanager
def _embedded(
    why: str, root: Path | None, *, durable: bool, kafka_proxy_port: int | None
) -> Iterator[Stack]:
    with run_directory(root) as directory:
        postgres = Postgres(directory / "postgres", durable=durable)
        kafka = Kafka(directory / "kafka", durable=durable, proxy_port=kafka_proxy_port)
        _run_in_parallel(postgres.prepare, kafka.prepare)
        with _running(postgres.server, kafka.server):
            yield Stack(
                backend=Backend.EMBEDDED,
                reason=why,
                postgres_admin_url=postgres.admin_url,
                kafka_bootstrap=kafka.bootstrap,
                kafka_proxy_target=kafka.proxy_target,
                postgres=postgres.server,
                kafka=kafka.server,
            )


@contextmanager
def _containers(why: str, *, durable: bool) -> Iterator[Stack]:
    if not containers.engine_answers():
        msg = "STACK=containers needs a Docker engine, and none answers"
        raise StackError(msg)
    postgres = containers.PostgresContainer(durable=durable)
    kafka = containers.KafkaContainer()
    with ExitStack() as held:
        held.callback(postgres.server.remove)
        held.callback(kafka.server.remove)
        _run_in_parallel(postgres.server.create, kafka.server.create)
        postgres.server.wait_ready()
        kafka.server.wait_ready()
        yield Stack(
            backend=Backend.CONTAINERS,
            reason=why,
            postgres_admin_url=postgres.admin_url,
            kafka_bootstrap=kafka.bootstrap,
            postgres=postgres.server,
            kafka=kafka.server,
        )


@contextmanager
def _external(why: str, env: Mapping[str, str]) -> Iterator[Stack]:
    for name in (POSTGRES_VARIABLE, KAFKA_VARIABLE):
        if not env.get(name):
            msg = f"STACK=external needs {name} in the environment"
            raise StackError(msg)
    yield Stack(
        backend=Backend.EXTERNAL,
        reason=why,
        postgres_admin_url=env[POSTGRES_VARIABLE],
        kafka_bootstrap=env[KAFKA_VARIABLE],
    )


def _run_in_parallel(*jobs: Callable[[], None]) -> None:
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


@contextmanager
def _running(*servers: LocalServer) -> Iterator[None]:
    with ExitStack() as held:
        # Not in threads: a child dies with the thread that launched it.
        for server in servers:
            held.callback(server.stop)
            server.launch()
        for server in servers:
            server.wait_ready()
        yield
