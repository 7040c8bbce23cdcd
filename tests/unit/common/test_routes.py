"""Routes without FastAPI's work for each request answer as their declarations say."""

from collections.abc import Callable
from typing import Annotated, Any, cast

import httpx
import orjson
import pytest
from fastapi import Body, Cookie, Depends, FastAPI, Header, Query, Request, Response
from fastapi.security import SecurityScopes
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from common.core.metrics import Metrics
from common.http.app import RequestModel, make_app
from common.http.problems import ProblemError
from common.http.routes import ApiRouter

COUNT_TOO_LARGE = {
    "pointer": "query/count",
    "detail": "must be at most 9",
    "code": "less-than-equal",
    "parameters": {"limit": "9"},
}


class Order(RequestModel):
    amount: int = Field(ge=1)


class Search(RequestModel):
    tag: list[str] = Field([])
    limit: int = Field(5, le=9)


class Receipt(BaseModel):
    amount: int
    note: str | None = None


async def _caller(request: Request) -> str:
    if "authorization" not in request.headers:
        raise ProblemError(401, "unauthenticated", "Send a key.")
    return request.headers["authorization"]


async def _label(
    caller: Annotated[str, Depends(_caller)], label: Annotated[str, Header(max_length=3)] = "none"
) -> str:
    return f"{caller}/{label}"


def _app() -> FastAPI:
    router = ApiRouter(prefix="/v1", tags=["orders"])

    @router.post("/orders", status_code=201)
    async def order(
        body: Order,
        response: Response,
        label: Annotated[str, Depends(_label)],
        count: Annotated[int, Query(le=9)] = 1,
    ) -> Receipt:
        """Order."""
        response.headers["X-Label"] = label
        if count == 0:
            response.status_code = 200
        return Receipt(amount=body.amount * count)

    @router.get("/orders/{order_id}")
    async def show(
        order_id: Annotated[int, Field(le=5)], tag: Annotated[list[str], Query()]
    ) -> Any:
        """Show."""
        return Response(f"{order_id}:{','.join(tag)}", media_type="text/plain")

    @router.put("/notes", dependencies=[Depends(_caller)])
    async def note(text: Annotated[str | None, Body()] = None) -> Receipt:
        """Note."""
        return Receipt(amount=0, note=text)

    @router.get("/orders")
    async def find(query: Annotated[Search, Query()]) -> Any:
        """Find."""
        return Response(f"{query.limit}:{','.join(query.tag)}", media_type="text/plain")

    @router.delete("/orders", status_code=204)
    async def clear() -> None:
        """Clear."""

    @router.get("/wrong")
    async def wrong() -> Receipt:
        """Answer what the declaration forbids."""
        return cast("Receipt", {"amount": "many"})

    return make_app("test", [router], metrics=Metrics(), state={})


@pytest.fixture
def send() -> Callable[..., Any]:
    transport = httpx.ASGITransport(_app(), raise_app_exceptions=False)

    async def send(method: str, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **options)

    return send


KEY = {"Authorization": "k"}


async def test_body_query_and_dependencies_become_arguments(send: Callable[..., Any]) -> None:
    answer = await send("POST", "/v1/orders?count=3", json={"amount": 2}, headers=KEY)
    assert (answer.status_code, answer.json()) == (201, {"amount": 6, "note": None})
    assert answer.headers["X-Label"] == "k/none"
    assert answer.headers["Content-Type"] == "application/json"


async def test_status_and_headers_that_the_route_sets_are_sent(send: Callable[..., Any]) -> None:
    headers = {**KEY, "Label": "abc"}
    answer = await send("POST", "/v1/orders?count=0", json={"amount": 2}, headers=headers)
    assert (answer.status_code, answer.headers["X-Label"]) == (200, "k/abc")


async def test_every_invalid_part_is_named_at_once(send: Callable[..., Any]) -> None:
    headers = {**KEY, "Label": "too long"}
    answer = await send("POST", "/v1/orders?count=10", json={"amount": 0}, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "header/label",
            "detail": "must have at most 3 characters",
            "code": "string-too-long",
            "parameters": {"limit": "3"},
        },
        COUNT_TOO_LARGE,
        {
            "pointer": "body/amount",
            "detail": "must be at least 1",
            "code": "greater-than-equal",
            "parameters": {"limit": "1"},
        },
    ]


@pytest.mark.parametrize(("content", "status"), [(b"", 401), (b"{", 401), (b'{"amount": 0}', 401)])
async def test_caller_without_a_key_learns_only_that(
    send: Callable[..., Any], content: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await send("POST", "/v1/orders?count=10", content=content, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("content", "status", "error"),
    [
        (b"", 422, {"pointer": "body", "detail": "is missing"}),
        (b"null", 422, {"pointer": "body", "detail": "must be an object with named fields"}),
        (b"[]", 422, {"pointer": "body", "detail": "must be an object with named fields"}),
        (b"{", 400, {"pointer": "body/1", "detail": "is not JSON: "}),
        (b"{} x", 400, {"pointer": "body/3", "detail": "is not JSON: "}),
        (b'{"amount": NaN}', 400, {"pointer": "body/11", "detail": "is not JSON: "}),
        (b'\xef\xbb\xbf{"amount": 1}', 400, {"pointer": "body/0", "detail": "is not JSON: "}),
    ],
)
async def test_body_that_is_missing_or_no_json_is_named(
    send: Callable[..., Any], content: bytes, status: int, error: dict[str, str]
) -> None:
    headers = {**KEY, "Content-Type": "application/json"}
    answer = await send("POST", "/v1/orders", content=content, headers=headers)
    assert answer.status_code == status
    (part,) = answer.json()["errors"]
    assert part["pointer"] == error["pointer"]
    assert part["detail"].startswith(error["detail"])


@pytest.mark.parametrize("text", [b'"a"', b'"\\ud800"', b"1" * 30], ids=["text", "half", "long"])
async def test_nested_body_is_refused_whatever_else_is_in_it(
    send: Callable[..., Any], text: bytes
) -> None:
    content = b"[" + text + b", " + 40 * b"[" + 40 * b"]" + b"]"
    headers = {**KEY, "Content-Type": "application/json"}
    answer = await send("POST", "/v1/orders", content=content, headers=headers)
    assert answer.status_code == 400
    assert "nested" in answer.json()["detail"]


async def test_path_and_repeated_query_become_arguments(send: Callable[..., Any]) -> None:
    answer = await send("GET", "/v1/orders/4?tag=a&tag=b")
    assert (answer.text, answer.headers["Content-Type"]) == ("4:a,b", "text/plain; charset=utf-8")
    answer = await send("GET", "/v1/orders/6")
    assert answer.json()["errors"] == [
        {
            "pointer": "path/order_id",
            "detail": "must be at most 5",
            "code": "less-than-equal",
            "parameters": {"limit": "5"},
        },
        {"pointer": "query/tag", "detail": "is missing", "code": "missing"},
    ]


async def test_parameter_that_is_no_list_must_not_come_twice(send: Callable[..., Any]) -> None:
    twice = [{"pointer": "query/count", "detail": "must not come twice"}]
    answer = await send("POST", "/v1/orders?count=1&count=1", json={"amount": 2}, headers=KEY)
    assert (answer.status_code, answer.json()["errors"]) == (422, twice)
    answer = await send("GET", "/v1/orders?tag=a&limit=1&tag=b&limit=2")
    twice = [{"pointer": "query/limit", "detail": "must not come twice"}]
    assert (answer.status_code, answer.json()["errors"]) == (422, twice)
    assert (await send("GET", "/v1/orders?tag=a&limit=1&tag=b")).text == "1:a,b"


@pytest.mark.parametrize(("content", "note"), [(b"", None), (b"null", None), (b'"x"', "x")])
async def test_body_that_is_optional_may_be_left_out(
    send: Callable[..., Any], content: bytes, note: str | None
) -> None:
    headers = {**KEY, "Content-Type": "application/json"}
    answer = await send("PUT", "/v1/notes", content=content, headers=headers)
    assert answer.json() == {"amount": 0, "note": note}
    assert (await send("PUT", "/v1/notes", content=content)).status_code != 200


@pytest.mark.parametrize(
    ("content", "status", "pointers"),
    [
        (b'{"reason": "x", "by": 1}', 422, ["body/reason", "body/by"]),
        (b'{"\\ud800": 1}', 422, ["body"]),
        (b"null", 422, ["body"]),
        (b"{", 400, ["body/1"]),
    ],
)
async def test_body_that_no_route_reads_is_named(
    send: Callable[..., Any], content: bytes, status: int, pointers: list[str]
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await send("DELETE", "/v1/orders", content=content, headers=headers)
    assert answer.status_code == status
    assert [part["pointer"] for part in answer.json()["errors"]] == pointers


async def test_answer_without_content_has_none(send: Callable[..., Any]) -> None:
    answer = await send("DELETE", "/v1/orders")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


async def test_answer_that_breaks_the_declaration_is_a_failure(send: Callable[..., Any]) -> None:
    answer = await send("GET", "/v1/wrong")
    assert answer.status_code == 500
    assert orjson.loads(answer.content)["type"] == "urn:upstairs:problem:unexpected"


async def test_dependency_that_is_needed_twice_is_called_once() -> None:
    router, calls = ApiRouter(prefix="/v1", tags=["orders"]), []

    async def count() -> int:
        calls.append("call")
        return len(calls)

    async def double(number: Annotated[int, Depends(count)]) -> int:
        return 2 * number

    @router.get("/sum")
    async def add(
        number: Annotated[int, Depends(count)], twice: Annotated[int, Depends(double)]
    ) -> int:
        """Add."""
        return number + twice

    app = make_app("test", [router], metrics=Metrics(), state={})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for total in (3, 6):
            assert (await client.get("/v1/sum")).json() == total


async def test_unknown_path_and_method_are_problems(send: Callable[..., Any]) -> None:
    assert (await send("GET", "/v1/nothing")).status_code == 404
    refused = await send("PATCH", "/v1/notes")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "PUT")


def _plain() -> None: ...
async def _cookie(session: Annotated[str, Cookie()]) -> None: ...
async def _bodies(first: Order, second: Order) -> None: ...
async def _around_plain(value: Annotated[None, Depends(_plain)]) -> None: ...
async def _embedded(order: Annotated[Order, Body(embed=True)]) -> None: ...
async def _connection(connection: HTTPConnection) -> None: ...
async def _scopes(scopes: SecurityScopes) -> None: ...
async def _with_body(order: Order) -> None: ...
async def _other_body(order: Order, value: Annotated[None, Depends(_with_body)]) -> None: ...


@pytest.mark.parametrize(
    "endpoint",
    [
        *(_plain, _cookie, _bodies, _around_plain, _embedded, _connection, _scopes),
        _other_body,
    ],
)
def test_route_that_needs_more_is_refused_where_it_is_declared(
    endpoint: Callable[..., Any],
) -> None:
    router = ApiRouter(prefix="/v1", tags=["test"])
    with pytest.raises(TypeError):
        router.add_api_route("/path", endpoint)


@pytest.mark.parametrize(
    "option",
    [{"response_model_exclude_none": True}, {"response_model_include": {"amount"}}],
    ids=str,
)
def test_answer_without_some_fields_is_refused_where_it_is_declared(
    option: dict[str, Any],
) -> None:
    router = ApiRouter(prefix="/v1", tags=["test"])
    with pytest.raises(TypeError):
        router.add_api_route("/path", _with_body, **option)
