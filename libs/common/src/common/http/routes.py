"""Routes as FastAPI declares and documents them, served without its work for each request.

What a route needs is worked out once, when it is declared. FastAPI does so for each request, which
takes two thirds of the CPU of a short one. A route that needs more than is done here (cookies,
forms, two bodies, background tasks, functions that are no coroutines, answers with fields left out)
is refused where it is declared.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from inspect import iscoroutinefunction
from json import JSONDecodeError
from typing import Annotated, Any, Final

from fastapi import APIRouter, Response
from fastapi._compat import ModelField, field_annotation_is_sequence
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.params import Form
from fastapi.routing import APIRoute
from fastapi.utils import create_model_field
from pydantic import BaseModel, BeforeValidator, ConfigDict
from starlette.datastructures import QueryParams

from common.http.access import SAFE_METHODS
from common.http.media_types import check_media_type
from common.http.problems import documented
from common.http.request_text import check_content
from common.http.whole_request import WholeRequest

_OK: Final = 200
_EMPTY_STATUSES: Final = (204, 304)
_ATTRIBUTES: Final = {"path": "path_params", "query": "query_params", "header": "headers"}
_JSON: Final = (b"content-type", b"application/json")
_MISSING_BODY: Final = {"type": "missing", "loc": ("body",), "input": None}


class _NoFields(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _require_object(content: Any) -> Any:
    if isinstance(content, dict):
        return content
    raise ValueError("must be left out, or {}")


# Of a route that declares none: what is in it would be ignored without a word. An empty object is
# taken, since many clients send one with every POST.
_NO_BODY: Final = create_model_field(
    "body", Annotated[_NoFields, BeforeValidator(_require_object)], default=None
)


class ApiRoute(APIRoute):
    """Raises TypeError where it is declared if it needs what is not done here."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        _require_plain_answer(self)
        _require_one_body(self.dependant)
        # By itself, in whatever form it comes.
        self.reads_body = False
        self._call = _Call(self.dependant)

    async def respond(self, request: WholeRequest) -> Response:
        exchange = _Exchange(request, self.status_code or _OK)
        if self.reads_body and self.body_field is not None:
            # One that is read here after all, as JSON.
            check_content(request.content)
            check_media_type(request)
        arguments = await self._call.arguments(exchange)
        takes_none = self.body_field is None and not self.reads_body
        if takes_none and request.content and request.method not in SAFE_METHODS:
            exchange.read(_NO_BODY)
        if exchange.errors:
            raise RequestValidationError(exchange.errors, body=exchange.body)
        result = await self._call.function(**arguments)
        if isinstance(result, Response):
            return result
        exchange.response.set_content(self._content(result))
        return exchange.response

    def _content(self, result: Any) -> bytes | None:
        if self.response_field is None:
            return None
        value, errors = self.response_field.validate(result, {}, loc=("response",))
        if errors:
            raise ResponseValidationError(errors, body=result)
        return self.response_field.serialize_json(value)


class ApiRouter(APIRouter):
    """A router of such routes; `responses` are documented for each of them."""

    def __init__(
        self,
        *,
        prefix: str,
        tags: Sequence[str],
        responses: Mapping[int | str, dict[str, Any]] | None = None,
    ) -> None:
        # FastAPI documents an answer 422 of its own, unless there is a default.
        default = documented("The request was refused, or failed.")
        super().__init__(
            prefix=prefix,
            tags=list(tags),
            route_class=ApiRoute,
            responses={"default": default, **(responses or {})},
        )


class _Answer(Response):
    """An answer whose route may set status and headers before its content is there."""

    def __init__(self, status: int) -> None:
        # Not Starlette's, which works out headers for the content.
        self.status_code = status
        self.background = None
        self.body = b""
        self.raw_headers = []

    def set_content(self, content: bytes | None) -> None:
        if content is not None:
            self.body = content
            self.raw_headers.append(_JSON)
        if self.status_code not in _EMPTY_STATUSES:
            self.raw_headers.append((b"content-length", b"%d" % len(self.body)))


class _Exchange:
    """A request, what is invalid in it, and the status and headers that its route sets."""

    def __init__(self, request: WholeRequest, status: int) -> None:
        self.request = request
        # As JSON, once it is read.
        self.body: Any = None
        self.errors: list[Any] = []
        # Of the dependencies: each is called once, wherever it is needed.
        self.results: dict[Callable[..., Any], Any] = {}
        self.response = _Answer(status)

    def read(self, field: ModelField) -> Any:
        """Return the body as the field's type; what is invalid adds to `errors`."""
        if not self.request.content:
            if field.field_info.is_required():
                self.errors.append(_MISSING_BODY)
            return field.get_default()
        self.body = _document(self.request)
        value, errors = field.validate(self.body, {}, loc=("body",))
        self.errors += errors
        return value


def _document(request: WholeRequest) -> Any:
    try:
        return request.parse()
    except JSONDecodeError as error:
        invalid = {"type": "json_invalid", "loc": ("body", error.pos), "input": {}}
        raise RequestValidationError([{**invalid, "ctx": {"error": error.msg}}]) from error


class _Call:
    """A function, and how its arguments come from an exchange."""

    def __init__(self, dependant: Dependant) -> None:
        self.function = _coroutine_function(dependant)
        self._dependencies = [(part.name, _Call(part)) for part in dependant.dependencies]
        self._parameters = [
            _Parameter(field)
            for fields in (dependant.path_params, dependant.query_params, dependant.header_params)
            for field in fields
        ]
        self._single_names = frozenset(_single_names(dependant.query_params))
        self._body = next(iter(dependant.body_params), None)
        self._request_name = dependant.request_param_name
        self._response_name = dependant.response_param_name

    async def arguments(self, exchange: _Exchange) -> dict[str, Any]:
        """Return the arguments, without those that are not valid: they are errors of `exchange`.

        The dependencies come first: a caller without the right learns only that.
        """
        arguments: dict[str, Any] = {}
        for name, dependency in self._dependencies:
            await dependency.add_result(name, exchange, arguments)
        for parameter in self._parameters:
            parameter.add_value(exchange, arguments)
        if self._single_names and exchange.request.has_query:
            exchange.errors += _repeated(self._single_names, exchange.request.query_params)
        if self._body is not None:
            arguments[self._body.name] = exchange.read(self._body)
        if self._request_name is not None:
            arguments[self._request_name] = exchange.request
        if self._response_name is not None:
            arguments[self._response_name] = exchange.response
        return arguments

    async def add_result(
        self, name: str | None, exchange: _Exchange, results: dict[str, Any]
    ) -> None:
        """Call the function, if its own arguments are valid."""
        if self.function not in exchange.results:
            errors = len(exchange.errors)
            arguments = await self.arguments(exchange)
            if len(exchange.errors) > errors:
                return
            exchange.results[self.function] = await self.function(**arguments)
        if name is not None:
            results[name] = exchange.results[self.function]


class _Parameter:
    """A parameter of a function that is in the path, the query or a header."""

    def __init__(self, field: ModelField) -> None:
        self._field = field
        self._place: str = field.field_info.in_.value  # type: ignore[attr-defined]  # a Param, which says where it is
        self._header = field.alias.lower().encode()
        self._is_required = field.field_info.is_required()
        # A list, and a model of many parameters, FastAPI puts together.
        annotation = field.field_info.annotation
        is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        self._is_single = not (is_model or field_annotation_is_sequence(annotation))

    def add_value(self, exchange: _Exchange, arguments: dict[str, Any]) -> None:
        field, value = self._field, self._received(exchange.request)
        if value is not None and self._is_single:
            value, errors = field.validate(value, {}, loc=(self._place, field.alias))
            exchange.errors += errors
            arguments[field.name] = value
        elif value is not None or self._is_required:
            received = getattr(exchange.request, _ATTRIBUTES[self._place])
            values, errors = request_params_to_args((field,), received)
            exchange.errors += errors
            arguments |= values
        else:
            arguments[field.name] = field.get_default()

    def _received(self, request: WholeRequest) -> Any:
        if self._place == "header":
            value = request.fields.get(self._header)
            return None if value is None else value.decode("latin-1")
        if self._place == "path":
            return request.path_params.get(self._field.alias)
        return request.query_params.get(self._field.alias) if request.has_query else None


def _single_names(fields: Sequence[ModelField]) -> Iterator[str]:
    """Yield the names of the parameters that are no lists."""
    for field in fields:
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            infos = {info.alias or name: info for name, info in annotation.model_fields.items()}
        else:
            infos = {field.alias: field.field_info}
        for name, info in infos.items():
            if not field_annotation_is_sequence(info.annotation):
                yield name


def _repeated(single_names: Collection[str], received: QueryParams) -> list[Any]:
    """Return an error for each that comes twice: a proxy may have read the other value."""
    if len(received) == len(received.multi_items()):
        return []
    return [
        {"type": "value_error", "loc": ("query", name), "ctx": {"error": "must not come twice"}}
        for name in received
        if name in single_names and len(received.getlist(name)) > 1
    ]


def _require_plain_answer(route: APIRoute) -> None:
    if (
        route.response_model_include
        or route.response_model_exclude
        or route.response_model_exclude_unset
        or route.response_model_exclude_defaults
        or route.response_model_exclude_none
        or not route.response_model_by_alias
    ):
        raise TypeError(f"{route.endpoint} must answer with all fields of its model")


def _require_one_body(dependant: Dependant) -> None:
    """Raise TypeError unless the function and all that it depends on take one body, of JSON."""
    fields = [*_body_fields(dependant)]
    if len(fields) > 1 or any(
        isinstance(field.field_info, Form) or getattr(field.field_info, "embed", None)
        for field in fields
    ):
        raise TypeError(f"{dependant.call} must take one body of JSON, which is not embedded")


def _body_fields(dependant: Dependant) -> Iterator[ModelField]:
    yield from dependant.body_params
    for dependency in dependant.dependencies:
        yield from _body_fields(dependency)


def _coroutine_function(dependant: Dependant) -> Callable[..., Awaitable[Any]]:
    function = dependant.call
    if function is None or not (
        iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__)
    ):
        raise TypeError(f"{function} must be a coroutine function")
    if (
        dependant.cookie_params
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
        or dependant.http_connection_param_name
    ):
        raise TypeError(
            f"{function} must take no cookie, background tasks, security scopes or connection"
        )
    return function
