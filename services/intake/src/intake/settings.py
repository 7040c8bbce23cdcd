"""The environment variables of intake, in addition to those of every service."""

from typing import Annotated, Final, get_args

from pydantic import AfterValidator, Field, StringConstraints

from common.contracts.event import ID_PATTERN, Role, SystemName
from common.service.settings import ServiceSettings

# What the name of a system begins with: a role, or a kind of channel (channels/registry.py; a test
# compares them).
_KINDS: Final = (
    *get_args(Role),
    *("cloudevents", "dynamics", "mailgun", "salesforce", "sendgrid", "slack", "twilio"),
    *("webhook", "zendesk"),
)


def _require_no_kind(namespace: str) -> str:
    """In a namespace `channel` the customer `shop:4711` would be one of the channel `shop`."""
    if namespace in _KINDS:
        raise ValueError("must not be the name of a kind of system, such as channel or zendesk")
    return namespace


_System = Annotated[SystemName, StringConstraints(pattern=f"^{ID_PATTERN}:{ID_PATTERN}$")]
Namespace = Annotated[
    str, StringConstraints(pattern=f"^{ID_PATTERN}$"), AfterValidator(_require_no_kind)
]


class Settings(ServiceSettings):
    customer_namespaces: dict[_System, Namespace] = Field(
        default={},
        description="the namespace of customers of each system that shares its customers with "
        'others, as JSON: `{"channel:shop": "retail", "zendesk:support": "retail"}`',
    )
