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
    """Topics by their names in Kafka."""

    service: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    group: str | None


def access_of(service: str, namespace: str) -> KafkaAccess:
    """Return what a service needs: its own topics to write, its subscriptions to read, its group.

    No transactions, and no right of the cluster: from version 2.8 on, Kafka lets a producer be
    idempotent that may write to a topic.
    """
    spec = build_spec(service)
    if not isinstance(spec, ServiceSpec):
        return KafkaAccess(service, writes=(), reads=(), group=None)
    own = [topic for topic, owner in TOPIC_OWNERS.items() if owner == service]
    reads = {*spec.subscriptions.topics, *spec.read_topics}
    return KafkaAccess(
        service,
        writes=tuple(topic_name(namespace, topic) for topic in sorted(own)),
        reads=tuple(topic_name(namespace, topic) for topic in sorted(reads)),
        group=group_name(namespace, service) if spec.subscriptions.topics else None,
    )


def acl_arguments(access: KafkaAccess, principal: str) -> list[list[str]]:
    """Return the arguments of each call of `kafka-acls.sh`."""
    calls = []
    allow = ["--add", "--allow-principal", principal]
    if access.writes:
        calls.append([*allow, "--operation", "Write", *_each("--topic", access.writes)])
    if access.reads:
        group = ["--group", access.group] if access.group else []
        calls.append([*allow, "--operation", "Read", *_each("--topic", access.reads), *group])
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
