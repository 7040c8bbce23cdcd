"""The environment variables of intake, in addition to those of every service."""

from typing import Annotated

from pydantic import Field, StringConstraints

from common.contracts.event import ID_PATTERN, SystemName
from common.service.settings import ServiceSettings

_System = Annotated[SystemName, StringConstraints(pattern=f"^{ID_PATTERN}:{ID_PATTERN}$")]
_Namespace = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]


class Settings(ServiceSettings):
    customer_namespaces: dict[_System, _Namespace] = Field(
        default={},
        description="the namespace of customers of each system that shares its customers with "
        'others, as JSON: `{"channel:shop": "retail", "zendesk:support": "retail"}`',
    )
