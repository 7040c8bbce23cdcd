"""Gives Kafka users the access that `python -m common kafka-acls` prints."""

from typing import Any, Final

from aiokafka.protocol.admin import CreateAclsRequest

from common.messaging.kafka import make_admin
from common.messaging.kafka_connection import KafkaConnection
from common.service.kafka_acls import access_of, acl_arguments

# Numbers of Kafka's protocol.
_RESOURCES: Final = {"--topic": 2, "--group": 3}
_OPERATIONS: Final = {"Read": 3, "Write": 4}
_LITERAL: Final = 3
_ALLOW: Final = 3


async def grant_access(admin: KafkaConnection, service: str, namespace: str, user: str) -> None:
    """Do what `kafka-acls.sh` does with the printed arguments."""
    client: Any = make_admin(admin)
    await client.start()
    try:
        for arguments in acl_arguments(access_of(service, namespace), f"User:{user}"):
            add, allow, principal, operation, verb, *resources = arguments
            assert (add, allow, operation) == ("--add", "--allow-principal", "--operation")
            for kind, name in zip(resources[::2], resources[1::2], strict=True):
                answer = await client._send_to_controller(
                    CreateAclsRequest(
                        resource_type=_RESOURCES[kind],
                        resource_name=name,
                        resource_pattern_type_filter=_LITERAL,
                        principal=principal,
                        host="*",
                        operation=_OPERATIONS[verb],
                        permission_type=_ALLOW,
                    )
                )
                assert [code for code, _ in answer.creation_responses] == [0]
    finally:
        await client.close()
