"""PostgreSQL and Kafka in containers, at fixed loopback ports."""

import time
from collections.abc import Callable

from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from devstack.errors import StackError
from devstack.jars import KAFKA_VERSION
from devstack.kafka import CLUSTER_ID, broker_settings, kafka_answers
from devstack.postgres import SUPERUSER, server_settings
from devstack.processes import LOG_TAIL_LINES, LOOPBACK, POLL_SECONDS, free_port

POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
START_SECONDS = 120


def engine_answers() -> bool:
    try:
        client = DockerClient().client
        client.ping()
    except DockerException:
        return False
    client.close()
    return True


class ContainerServer:
    def __init__(self, container: DockerContainer, answers: Callable[[], bool]) -> None:
        self._container = container
        self._answers = answers

    def create(self) -> None:
        self._container.start()

    def remove(self) -> None:
        self._container.stop()

    def start(self) -> None:
        self._container.get_wrapped_container().start()
        self.wait_ready()

    def stop(self) -> None:
        self._container.get_wrapped_container().stop()

    def restart(self) -> None:
        self.stop()
        self.start()

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def pause(self) -> None:
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        self._container.get_wrapped_container().unpause()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > deadline:
                log = self._container.get_wrapped_container().logs(tail=LOG_TAIL_LINES)
                msg = f"{self._container.image} is not ready in time: {log.decode()}"
                raise StackError(msg)
            time.sleep(POLL_SECONDS)


class PostgresContainer:
    def __init__(self, *, durable: bool) -> None:
        port = free_port()
        self.admin_url = f"postgresql://{SUPERUSER}:{SUPERUSER}@{LOOPBACK}:{port}/postgres"
        command = ["postgres"]
        for name, value in server_settings(durable=durable).items():
            command += ["-c", f"{name}={value}"]
        container = _published(DockerContainer(POSTGRES_IMAGE), inside=5432, port=port)
        container.with_env("POSTGRES_PASSWORD", SUPERUSER).with_command(command)
        # Over TCP: during initialisation the image runs a server with only a Unix socket.
        ready = ["pg_isready", "-h", LOOPBACK]
        self.server = ContainerServer(container, lambda: container.exec(ready).exit_code == 0)


class KafkaContainer:
    """Replaces the library's class, which supports other images only."""

    def __init__(self) -> None:
        port = free_port()
        self.bootstrap = f"{LOOPBACK}:{port}"
        container = _published(DockerContainer(KAFKA_IMAGE), inside=9092, port=port)
        container.with_env("CLUSTER_ID", CLUSTER_ID)
        settings = broker_settings(
            "0.0.0.0:9092", advertised=self.bootstrap, controller="localhost:9093"
        )
        for name, value in settings.items():
            container.with_env(f"KAFKA_{name.replace('.', '_').upper()}", value)
        self.server = ContainerServer(container, lambda: kafka_answers(port))


def _published(container: DockerContainer, *, inside: int, port: int) -> DockerContainer:
    # Docker accepts a pair of address and port. The library's setter accepts no address and
    # would open the port to the network.
    container.ports[str(inside)] = (LOOPBACK, port)  # type: ignore[assignment]  # see above
    return container
