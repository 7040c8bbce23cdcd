"""The OpenAPI documents of all services: fields and operations are described, lists are alike."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from common.contracts.contract import Contract
from common.contracts.services import EVENT_SERVICES
from escalation.domain.settings.registry import KINDS
from support.openapi import document_of

Document = Mapping[str, Any]


DOCUMENTS: Mapping[str, Document] = {service: document_of(service) for service in EVENT_SERVICES}
# The last word of a POST's path, where it is not a verb: these add an item to a list, or receive.
NOUNS = {
    *(
        "contacts",
        "escalations",
        "messages",
        "interactions",
        "surveys",
        "overrides",
        "swaps",
        "devices",
    ),
    *("answer", "api", "feedback", "note", "simulations"),
}
VERBS = {
    *("abandon", "accept", "acknowledge", "approve", "complete", "decline", "discard"),
    *(
        "dismiss",
        "erase",
        "hand",
        "preview",
        "report",
        "restore",
        "retry",
        "rotate",
        "send",
        "test",
        "verify",
        "uphold",
        "withdraw",
    ),
    *(
        "match",
        "mediate",
        "merge",
        "prioritize",
        "refer",
        "refuse",
        "release",
        "renew",
        "reopen",
        "replay",
    ),
    *("request", "resolve", "revoke", "snooze", "stop", "take", "unmerge", "wait"),
}
# Parts of events, which docs/asyncapi.yaml describes.
FOREIGN_SCHEMAS = {contract.__name__ for contract in Contract.__subclasses__()}


def _operations(document: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _schemas(document: Document) -> Mapping[str, Any]:
    schemas: Mapping[str, Any] = document["components"]["schemas"]
    return schemas


def _json_answer(document: Document, operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the answer 200; empty if that is not JSON."""
    content = operation["responses"].get("200", {}).get("content", {})
    schema: Mapping[str, Any] = content.get("application/json", {}).get("schema", {})
    if "$ref" not in schema:
        return schema
    resolved: Mapping[str, Any] = _schemas(document)[schema["$ref"].rpartition("/")[2]]
    return resolved


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_every_field_is_described(service: str) -> None:
    bare = [
        f"{name}.{field}"
        for name, schema in _schemas(DOCUMENTS[service]).items()
        if name not in FOREIGN_SCHEMAS
        for field, definition in schema.get("properties", {}).items()
        if not definition.get("description")
    ]
    assert not bare


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_every_operation_is_described(service: str) -> None:
    bare = [
        f"{method} {path}"
        for method, path, operation in _operations(DOCUMENTS[service])
        if not operation.get("description")
    ]
    assert not bare


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_list_answers_are_pages(service: str) -> None:
    document = DOCUMENTS[service]
    for method, path, operation in _operations(document):
        answer = _json_answer(document, operation)
        assert answer.get("type") != "array", f"{method} {path}"
        if "items" in answer.get("properties", {}):
            assert set(answer["properties"]) == {"items", "next_cursor"}, f"{method} {path}"


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_commands_are_verbs(service: str) -> None:
    """A path that ends in a parameter receives what an outside system sends."""
    ends = {
        path.rpartition("/")[2].partition("-")[0]
        for method, path, _ in _operations(DOCUMENTS[service])
        if method == "post" and not path.endswith("}") and "/callbacks/" not in path
    }
    assert ends - NOUNS <= VERBS


def test_settings_are_listed_and_put_by_kind() -> None:
    paths = DOCUMENTS["escalation"]["paths"]
    assert all((f"/v1/{kind.path}" in paths) == kind.put for kind in KINDS)


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_errors_are_described_as_problems(service: str) -> None:
    for _, path, operation in _operations(DOCUMENTS[service]):
        responses = operation["responses"]
        for status in {"default", "422"} & set(responses):
            schema = responses[status]["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ProblemOut"}, path
        assert "default" in responses, path
    schemas = _schemas(DOCUMENTS[service])
    assert "errors" in schemas["ProblemOut"]["properties"]
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_every_operation_lists_the_problems_that_surround_it(service: str) -> None:
    for method, path, operation in _operations(DOCUMENTS[service]):
        responses = operation["responses"]
        codes = {code for code, answer in responses.items() if "`" in answer["description"]}
        needed = {"400", "429", "500", "503"}
        if "security" in operation:
            needed |= {"401", "403"}
        if "requestBody" in operation:
            needed |= {"413", "415", "422"}
        assert needed <= codes, f"{method} {path}"


# An answer that has a secret is stored nowhere.
UNKEYED_PATHS = {
    "/v1/api-keys",
    "/v1/status-webhooks/{source}",
    "/v1/status-webhooks/{source}/rotate-secret",
}


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_every_change_by_api_key_describes_its_idempotency_key(service: str) -> None:
    for method, path, operation in _operations(DOCUMENTS[service]):
        reads = method in ("get", "head")
        if reads or "security" not in operation:
            continue
        parameters = operation.get("parameters", ())
        keys = [each for each in parameters if each["name"] == "Idempotency-Key"]
        if path in UNKEYED_PATHS:
            assert keys == [], f"{method} {path}"
            continue
        assert len(keys) == 1, f"{method} {path}"
        assert "30 days" in keys[0]["description"]
