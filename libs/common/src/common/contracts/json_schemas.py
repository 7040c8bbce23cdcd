"""JSON Schemas of contracts."""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec


def make_schemas(
    kinds: Iterable[type[msgspec.Struct]], *, reference: str = "#/$defs/{name}"
) -> dict[str, dict[str, Any]]:
    """Return the schemas of the kinds and of their parts, by their names."""
    _, schemas = msgspec.json.schema_components(kinds, ref_template=reference)
    return {name: _complete(schema) for name, schema in schemas.items()}


def _complete(schema: Any) -> Any:
    """Say that the values of an enum are texts, and unindent descriptions; tuples become lists."""
    if isinstance(schema, list | tuple):
        return [_complete(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _complete(part) for name, part in schema.items()}
    if isinstance(made.get("description"), str):
        made["description"] = cleandoc(made["description"])
    return {"type": "string", **made} if "enum" in made else made
