"""What a stored event says, also by the fields that it leaves out."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from common.contracts import BY_TYPE
from common.contracts.decoding import from_data


def all_fields(type_: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of an event of the type with the fields that have their default."""
    kind = BY_TYPE[type_]
    fields: dict[str, Any] = TypeAdapter(kind).dump_python(from_data(kind, data), mode="json")
    return fields
