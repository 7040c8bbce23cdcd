"""What each service may do in Kafka, and nothing more: access lists from the code's own topics."""

from collections.abc import Sequence
from dataclasses import dataclass

from common.contracts.services import TOPIC_OWNERS
from common.messaging.kafka import group_name, topic_name
from common.service.reference import build_spec
from common.service.spec import ServiceSpec

_COMMAND = "kafka-acls.sh --bootstrap-server $KAFKA_BOOTSTRAP --command-config $KAFKA_ADMIN_CONFIG"


@dataclass(frozen=True, slots=True)
class KafkaAccess:
    """Topics and groups by their names in Kafka."""

    service: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    groups: tuple[str, ...]


def access_of(service: str, namespace: str) -> KafkaAccess:
    """Return what a service needs: its own topics to write, what it reads, and its groups.

    No transactions, and no right of the cluster: from version 2.8 on, Kafka lets a producer be
    idempotent that may write to a topic.
    """
    spec = build_spec(service)
    if not isinstance(spec, ServiceSpec):
        return KafkaAccess(service, writes=(), reads=(), groups=())
    own = [topic for topic, owner in TOPIC_OWNERS.items() if owner == service]
    writes = {*own, *spec.written_topics}
    reads = {*spec.subscriptions.topics, *spec.read_topics}
    groups = (*((service,) if spec.subscriptions.topics else ()), *spec.groups)
    return KafkaAccess(
        service,
        writes=tuple(topic_name(namespace, topic) for topic in sorted(writes)),
        reads=tuple(topic_name(namespace, topic) for topic in sorted(reads)),
        groups=tuple(group_name(namespace, group) for group in groups),
    )


def acl_arguments(access: KafkaAccess, principal: str) -> list[list[str]]:
    """Return the arguments of each call of `kafka-acls.sh`."""
    calls = []
    allow = ["--add", "--allow-principal", principal]
    if access.writes:
        calls.append([*allow, "--operation", "Write", *_each("--topic", access.writes)])
    if access.reads:
        groups = _each("--group", access.groups)
        calls.append([*allow, "--operation", "Read", *_each("--topic", access.reads), *groups])
    return calls


def acl_commands(services: Sequence[str], namespace: str, principal_prefix: str) -> list[str]:
    """Return lines for a shell; each service has the user `upstairs_<service>`."""
    lines = []
    for service in services:
        calls = acl_arguments(
            access_of(service, namespace), f"{principal_prefix}upstairs_{service}"
        )
        lines += [f"# {service}", *(f"{_COMMAND} {' '.join(call)}" for call in calls)]
    return lines


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (option, value)]
