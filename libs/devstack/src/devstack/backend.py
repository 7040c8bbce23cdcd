"""Which of the three stacks to take, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from devstack import containers, jars, java
from devstack.errors import StackError
from devstack.java import MIN_MAJOR as JAVA_NEEDED
from devstack.java import Java


class Backend(StrEnum):
    AUTO = "auto"
    EMBEDDED = "embedded"
    CONTAINERS = "containers"
    EXTERNAL = "external"


@dataclass(frozen=True)
class Probes:
    """What this machine has; each is asked only when the answer matters."""

    java: Callable[[], Java | None]
    has_kafka_jars: Callable[[], bool]
    has_docker: Callable[[], bool]


def parse(value: str) -> Backend:
    try:
        return Backend(value)
    except ValueError:
        msg = f"STACK={value} is not one of {', '.join(Backend)}"
        raise StackError(msg) from None


# What `auto` comes down to.
ConcreteBackend = Literal[Backend.EMBEDDED, Backend.CONTAINERS, Backend.EXTERNAL]


def choose(choice: Backend, probes: Probes) -> tuple[ConcreteBackend, str]:
    """Settle `auto`; the second value says in one line what was taken and why."""
    if choice is not Backend.AUTO:
        return choice, f"{choice}: asked for"
    if (found := java_for_embedded(probes)) is not None:
        return (
            Backend.EMBEDDED,
            f"embedded: Java {found.major} {found.origin}, and Kafka's jars or a way to fetch them",
        )
    lacking = f"no Java {JAVA_NEEDED}+ with mvn"
    if probes.has_docker():
        return Backend.CONTAINERS, f"containers: {lacking}, but a Docker engine answers"
    msg = (
        f"{lacking} and no Docker engine: install the extra `devstack[jvm]`, "
        f"Java {JAVA_NEEDED}+ and Maven, or Docker"
    )
    raise StackError(msg)


def java_for_embedded(probes: Probes) -> Java | None:
    """The Java for `embedded`, or None where that would not start."""
    found = probes.java()
    return found if found is not None and probes.has_kafka_jars() else None


THIS_MACHINE = Probes(java.find, jars.are_obtainable, containers.engine_answers)
