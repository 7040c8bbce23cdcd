"""Which of the four stacks to take, and why."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from shutil import which
from typing import Literal

from devstack import containers, kafka
from devstack.errors import StackError

JAVA_NEEDED = 17


class Choice(StrEnum):
    AUTO = "auto"
    EMBEDDED = "embedded"
    CONTAINERS = "containers"
    EXTERNAL = "external"
    LOOKAROUND = "lookaround"


@dataclass(frozen=True)
class Probes:
    """What this machine has; each is asked only when the answer matters."""

    java_major: Callable[[], int | None]
    has_kafka_jars: Callable[[], bool]
    has_docker: Callable[[], bool]


def asked(value: str) -> Choice:
    try:
        return Choice(value)
    except ValueError:
        msg = f"STACK={value} is not one of {', '.join(Choice)}"
        raise StackError(msg) from None


# What `auto` comes down to.
Settled = Literal[Choice.EMBEDDED, Choice.CONTAINERS, Choice.EXTERNAL, Choice.LOOKAROUND]


def choose(choice: Choice, probes: Probes) -> tuple[Settled, str]:
    """Settle `auto`; the second value says in one line what was taken and why."""
    if choice is not Choice.AUTO:
        return choice, f"{choice}: asked for"
    java = probes.java_major()
    if java is not None and java >= JAVA_NEEDED and probes.has_kafka_jars():
        return (
            Choice.EMBEDDED,
            f"embedded: Java {java} is here, and Kafka's jars or mvn to fetch them",
        )
    lacking = f"no Java {JAVA_NEEDED}+ with mvn"
    if probes.has_docker():
        return Choice.CONTAINERS, f"containers: {lacking}, but a Docker engine answers"
    return Choice.LOOKAROUND, f"lookaround: {lacking} and no Docker engine"


def java_major() -> int | None:
    if which("java") is None:
        return None
    command = ["java", "-version"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    found = re.search(r'version "(\d+)', done.stderr)
    return int(found.group(1)) if found else None


def has_kafka_jars() -> bool:
    return kafka.jars_directory().exists() or which("mvn") is not None


THIS_MACHINE = Probes(java_major, has_kafka_jars, containers.engine_answers)
