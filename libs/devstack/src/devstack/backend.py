"""Selects the backend of the stack: embedded, containers or external."""

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
    """Checks of this machine; each one runs only if its result matters."""

    java: Callable[[], Java | None]
    has_kafka_jars: Callable[[], bool]
    has_docker: Callable[[], bool]


def parse(value: str) -> Backend:
    try:
        return Backend(value)
    except ValueError:
        msg = f"STACK={value} is not one of {', '.join(Backend)}"
        raise StackError(msg) from None


# A backend other than `auto`.
ConcreteBackend = Literal[Backend.EMBEDDED, Backend.CONTAINERS, Backend.EXTERNAL]


def choose(choice: Backend, probes: Probes) -> tuple[ConcreteBackend, str]:
    """Resolve `auto`; return the backend and a line that says why."""
    if choice is not Backend.AUTO:
        return choice, f"{choice}: requested"
    if (java := java_for_embedded(probes)) is not None:
        return (
            Backend.EMBEDDED,
            f"embedded: Java {java.major} {java.origin}, and Kafka's jars are available",
        )
    missing = f"no Java {JAVA_NEEDED}+ with mvn"
    if probes.has_docker():
        return Backend.CONTAINERS, f"containers: {missing}, but a Docker engine answers"
    msg = (
        f"{missing} and no Docker engine: install the extra `devstack[jvm]`, "
        f"Java {JAVA_NEEDED}+ and Maven, or Docker"
    )
    raise StackError(msg)


def java_for_embedded(probes: Probes) -> Java | None:
    """Return the Java for `embedded`, or None if `embedded` can't start."""
    java = probes.java()
    return java if java is not None and probes.has_kafka_jars() else None


THIS_MACHINE = Probes(java.find, jars.are_obtainable, containers.engine_answers)
