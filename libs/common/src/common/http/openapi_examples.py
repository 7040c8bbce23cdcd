"""Shows the examples of models where browsers of OpenAPI look: beside the schema."""

from collections.abc import Mapping
from typing import Any

from common.http.problems import MEDIA_TYPE, ProblemError

Schema = Mapping[str, Any]


def show_examples(operation: dict[str, Any], schemas: Mapping[str, Schema]) -> None:
    for parameter in operation.get("parameters", []):
        if examples := parameter["schema"].get("examples"):
            parameter["example"] = examples[0]
    for status, answer in operation["responses"].items():
        _show_problem(status, answer)
    for content in (operation.get("requestBody", {}), *operation["responses"].values()):
        for media in content.get("content", {}).values():
            schema = media.get("schema", {})
            if "example" in media:
                media["example"] = _with_nulls(media["example"], schema, schemas)
            elif "examples" not in media:
                media.update(_shown(_examples_of(schema, schemas)))


def _show_problem(status: str, answer: dict[str, Any]) -> None:
    """Show the first problem that the answer lists, in the words that describe the status."""
    detail, _, codes = answer["description"].partition(" Codes: `")
    media = answer.get("content", {}).get(MEDIA_TYPE)
    if codes and media is not None:
        problem = ProblemError(int(status), codes.partition("`")[0], detail)
        media["example"] = problem.document


def _shown(examples: list[Any]) -> dict[str, Any]:
    if len(examples) == 1:
        return {"example": examples[0]}
    named = {f"example {number}": {"value": each} for number, each in enumerate(examples, 1)}
    return {"examples": named} if named else {}


def _examples_of(schema: Schema, schemas: Mapping[str, Schema]) -> list[Any]:
    """Return the examples of the schema; a page shows each example of its items."""
    if "examples" in schema:
        return [_with_nulls(example, schema, schemas) for example in schema["examples"]]
    if "anyOf" in schema:
        return [each for part in schema["anyOf"] for each in _examples_of(part, schemas)]
    if "$ref" in schema:
        return _examples_of(_resolved(schema, schemas), schemas)
    fields = schema.get("properties", {})
    if fields.keys() != {"items", "next_cursor"}:
        return []
    items = _examples_of(fields["items"]["items"], schemas)
    return [{"items": [item], "next_cursor": None} for item in items]


def _with_nulls(example: Any, schema: Schema, schemas: Mapping[str, Schema]) -> Any:
    """Return the example with the nulls that FastAPI leaves out of the document."""
    schema = _resolved(schema, schemas)
    if isinstance(example, list) and "items" in schema:
        return [_with_nulls(item, schema["items"], schemas) for item in example]
    if not isinstance(example, dict) or "properties" not in schema:
        return example
    required = schema.get("required", ())
    return {
        name: _with_nulls(example[name], field, schemas) if name in example else None
        for name, field in schema["properties"].items()
        if name in example or name in required
    }


def _resolved(schema: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """Return the schema itself instead of a reference, or of a choice between it and null."""
    choices = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    if len(choices) == 1:
        return _resolved(choices[0], schemas)
    if "$ref" in schema:
        return schemas[schema["$ref"].rpartition("/")[2]]
    return schema
