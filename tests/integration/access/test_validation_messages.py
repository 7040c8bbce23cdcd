"""What every service answers to wrong values: words, never a regular expression or a Python term.

The requests are made from OpenAPI: each field of each body and each parameter gets wrong values.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final
from urllib.parse import quote

from common.contracts.validation_messages import PATTERNS
from integration.access.scenario import KEYS, Scenario

WRONG: Final[tuple[Any, ...]] = (
    *(None, True, -1, 10**30, 1.5, "", " ", "22:00-06:00", "two words\n", "x" * 400, "\x07"),
    *("2026-03-02T09:00:00", "2026-13-45", "EUROS", [], [None], ["x", "y", "z"], {}, {"x": 1}),
)
TERMS: Final = re.compile(
    r"Value error|Assertion|Input should|Field required|[Tt]uple|pydantic|dataclass|frozenset"
    r"|function-|constrained|\bdict\b|\bstr\b|\bint\b|\bNone\b|NoneType|<class|ctx|is_instance"
    r"|[Pp]attern|\^|\\\\?[dxws]|\{\d+(,\d*)?\}|\[[A-Za-z0]-[Zz9]|\[key\]"
)
OPEN_ENDED: Final = "GET /v1/escalations/stream"


def wrong_values(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Any]:
    """Yield wrong values for the schema and for every part of it."""
    if "$ref" in schema:
        yield from wrong_values(schemas[schema["$ref"].rpartition("/")[2]], schemas)
        return
    yield from WRONG
    for kind in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(kind, ()):
            yield from wrong_values(each, schemas)
    if isinstance(schema.get("items"), Mapping):
        yield from ([value] for value in wrong_values(schema["items"], schemas))
    for part in schema.get("prefixItems", ())[:1]:
        yield from ([value, value] for value in wrong_values(part, schemas))
    if isinstance(schema.get("additionalProperties"), Mapping):
        for value in wrong_values(schema["additionalProperties"], schemas):
            yield {"mon": value, "2026-03-02": value, "x": value}
    yield from _wrong_fields(schema.get("properties", {}), schemas)


def _wrong_fields(
    properties: Mapping[str, Mapping[str, Any]], schemas: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    fixed = {name: each["const"] for name, each in properties.items() if "const" in each}
    columns = {
        name: wrong_values(each, schemas) for name, each in properties.items() if name not in fixed
    }
    for row in zip_longest(*columns.values()):
        yield {**fixed, **dict(zip(columns, row, strict=True))}


def bodies(scenario: Scenario, operation: Mapping[str, Any]) -> Iterator[Any]:
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        yield from wrong_values(media["schema"], scenario.document["components"]["schemas"])


def queries(operation: Mapping[str, Any]) -> Iterator[str]:
    parameters = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    for value in WRONG:
        for parameter in parameters:
            yield f"?{parameter['name']}={quote(str(value))}"


def _with_answers(scenario: Scenario) -> Iterator[tuple[str, Any]]:
    """Yield the operations whose answers have a body."""
    return ((name, each) for name, each in scenario.operations.items() if "HEAD " not in name)


async def answers(scenario: Scenario) -> AsyncIterator[tuple[str, Any]]:
    for name, operation in _with_answers(scenario):
        query = "?last_event_id=none" if name == OPEN_ENDED else ""
        for body in bodies(scenario, operation):
            yield name, await scenario.send(name, KEYS["ops"], query, json=body)
        if "requestBody" in operation:
            for content in (b"", b"{", b'{"a": tru', b"\xff", b"[" * 50):
                headers = {"content-type": "application/json"}
                yield (
                    name,
                    await scenario.send(name, KEYS["ops"], query, content=content, headers=headers),
                )
        if name != OPEN_ENDED:
            for wrong_query in queries(operation):
                yield name, await scenario.send(name, KEYS["ops"], wrong_query)
        for parameter in ("x y", "ä", "\x7f", "x" * 200):
            yield name, await scenario.send(name, KEYS["ops"], query, segment=parameter)


async def test_wrong_values_are_answered_in_words(scenario: Scenario) -> None:
    invalid = 0
    bad = set()
    async for name, answer in answers(scenario):
        assert answer.status_code < 500, (name, answer.request.content, answer.text)
        if answer.status_code not in (400, 422):
            continue
        invalid += 1
        problem = answer.json()
        texts = [
            problem["detail"],
            *(f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", ())),
        ]
        bad |= {f"{name}: {text}" for text in texts if TERMS.search(text)}
    assert not bad, "\n".join(sorted(bad))
    assert invalid


def test_every_pattern_has_words(scenario: Scenario) -> None:
    patterns = set(_patterns(scenario.document))
    assert patterns <= PATTERNS.keys()


def _patterns(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        for each in part.values():
            yield from _patterns(each)
    elif isinstance(part, list):
        for each in part:
            yield from _patterns(each)
