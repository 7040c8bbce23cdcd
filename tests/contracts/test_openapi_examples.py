"""The examples in OpenAPI: every body and every answer of GET has them, and they are valid.

tests/integration/access/test_examples.py sends those of the bodies.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from common.contracts.services import EVENT_SERVICES
from support.openapi import app_of, examples_of

APPS = {service: app_of(service) for service in EVENT_SERVICES}
OPERATIONS = [
    pytest.param(app, route, method, id=f"{service}: {method} {route.path}")
    for service, app in APPS.items()
    for context in iter_route_contexts(app.routes)
    if isinstance(route := context.original_route, APIRoute) and route.include_in_schema
    for method in (route.methods or set()) - {"HEAD"}
]
every_operation = pytest.mark.parametrize(("app", "route", "method"), OPERATIONS)


def _operation(app: FastAPI, route: APIRoute, method: str) -> Mapping[str, Any]:
    operation: Mapping[str, Any] = app.openapi()["paths"][route.path_format][method.lower()]
    return operation


def _has(whole: Any, part: Any) -> bool:
    """Tell whether `part` says nothing else than `whole`, which also has defaults."""
    match part:
        case dict():
            return all(name in whole and _has(whole[name], each) for name, each in part.items())
        case list():
            return all(map(_has, whole, part)) and len(whole) == len(part)
        case _:
            return bool(whole == part)


@every_operation
def test_every_body_has_examples_that_its_model_accepts(
    app: FastAPI, route: APIRoute, method: str
) -> None:
    body = _operation(app, route, method).get("requestBody")
    if body is None:
        assert route.body_field is None
        return
    for media in body["content"].values():
        examples = examples_of(media)
        assert examples
        if route.body_field is None:
            continue
        for example in examples:
            _, errors = route.body_field.validate(example, {}, loc=("body",))
            assert not errors


@every_operation
def test_every_answer_of_get_has_an_example_that_its_model_would_give(
    app: FastAPI, route: APIRoute, method: str
) -> None:
    answers = _operation(app, route, method)["responses"]
    for status, answer in answers.items():
        media = answer.get("content", {}).get("application/json")
        if not status.startswith("2") or media is None:
            continue
        examples = examples_of(media)
        assert examples or method != "GET"
        field = route.response_fields.get(int(status), route.response_field)
        if field is None:
            continue
        for example in examples:
            answered, errors = field.validate(example, {}, loc=("response",))
            assert not errors
            assert _has(field.serialize(answered, mode="json"), example)


@every_operation
def test_every_parameter_in_a_path_has_an_example(
    app: FastAPI, route: APIRoute, method: str
) -> None:
    parameters = _operation(app, route, method).get("parameters", ())
    bare = [each["name"] for each in parameters if each["in"] == "path" and not each.get("example")]
    assert not bare
