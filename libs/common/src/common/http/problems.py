"""Every HTTP error is problem+json (RFC 9457)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from common.contracts.validation_messages import InvalidField, invalid_parts
from common.core.errors import is_bad_value, is_transient
from common.storage.outbox import EventTooLargeError

MEDIA_TYPE = "application/problem+json"

# They pass: a client is told when to try again.
_TEMPORARY: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_RETRY_AFTER_S: Final = "5"
REFERENCE = "#/components/schemas/{model}"
log = structlog.get_logger()


class InvalidPart(BaseModel):
    pointer: str = Field(description="The place in the request: `body/priority`, `query/limit`.")
    detail: str = Field(description="What is wrong there.")
    code: str | None = Field(
        None, description="The same as a code, for clients that say it in another language."
    )
    parameters: dict[str, Any] | None = Field(None, description="What the words name, if any.")

    @classmethod
    def of(cls, field: InvalidField) -> "InvalidPart":
        return cls(
            pointer=field.place,
            detail=field.detail,
            code=field.code,
            parameters=dict(field.parameters) if field.parameters else None,
        )


class ProblemOut(BaseModel):
    """A problem (RFC 9457). Some codes add members that say what to do about it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="The kind of problem: `urn:upstairs:problem:<code>`.")
    title: str = Field(description="The phrase of the HTTP status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong with this request, for people.")
    errors: list[InvalidPart] = Field(
        default=[], description="With 400 and 422: every part of the request that is not valid."
    )
    reason_code: str | None = Field(
        None, description="Why, more closely than the type, for clients that say it in their words."
    )
    parameters: dict[str, Any] | None = Field(None, description="What that reason names.")


class ProblemError(Exception):
    """An error response; its extensions say what to do about it."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extensions: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        if status in _TEMPORARY:
            self.headers.setdefault("Retry-After", _RETRY_AFTER_S)
        self.extensions = extensions

    @property
    def document(self) -> dict[str, Any]:
        return {
            "type": f"urn:upstairs:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.extensions,
        }

    def response(self) -> Response:
        return Response(
            orjson.dumps(self.document), self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


def invalid(*details: tuple[str, str] | InvalidField) -> ProblemError:
    """Return the problem of fields or of (place, detail) pairs, as for what the schema rejects."""
    place, detail = details[0][:2]
    return ProblemError(422, "invalid", f"{place}: {detail}", errors=_error_list(details))


def reason_of(code: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extensions that say why a request is refused, for other languages."""
    return {"reason_code": code, "parameters": dict(parameters)}


def _error_list(details: Iterable[tuple[str, str] | InvalidField]) -> list[dict[str, Any]]:
    parts = (InvalidPart.of(InvalidField(*detail)) for detail in details)
    return [part.model_dump(exclude_none=True) for part in parts]


def response_to(error: Exception) -> Response:
    """Answer every error as a problem, and log those that are no problem of the caller's."""
    match error:
        case ProblemError():
            return error.response()
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
            problem = ProblemError(error.status_code, code, error.detail, headers=error.headers)
            return problem.response()
        case EventTooLargeError():
            detail = f"{error} Nothing was done; shorten the texts of the request."
            return ProblemError(422, "event-too-large", detail).response()
        case _:
            return _failure(error)


def documented(description: str) -> dict[str, Any]:
    """Return what a route's `responses` say about an error status."""
    schema = {"$ref": REFERENCE.format(model=ProblemOut.__name__)}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def listed(
    *problems: tuple[int, str], words: Mapping[int, list[str]] | None = None
) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses` for problems of its own, each a status and a code.

    `words` say more about a status than its phrase.
    """
    codes: dict[int, list[str]] = {}
    for status, code in problems:
        codes.setdefault(status, []).append(f"`{code}`")
    return {
        status: documented(
            f"{' '.join((words or {}).get(status, [f'{HTTPStatus(status).phrase}.']))}"
            f" Codes: {', '.join(dict.fromkeys(names))}"
        )
        for status, names in codes.items()
    }


def error_responses(
    table: Mapping[type[Exception], tuple[int, str]],
    *errors: type[Exception],
    others: Iterable[tuple[int, str]] = (),
) -> dict[int | str, dict[str, Any]]:
    """Return a route's `responses` for these errors of the domain and for `others`.

    The table says which problem each error is; its docstring describes it.
    """
    words: dict[int, list[str]] = {}
    for error in errors:
        words.setdefault(table[error][0], []).append(str(error.__doc__).splitlines()[0])
    return listed(*(table[error] for error in errors), *others, words=words)


def _invalid(error: RequestValidationError) -> Response:
    parts = invalid_parts(error.errors(), error.body)
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return ProblemError(
            400, "malformed-json", "The body is not JSON.", errors=_error_list(parts)
        ).response()
    return invalid(*parts).response()


def _failure(error: Exception) -> Response:
    """Answer an error that is no problem of its own, and log it."""
    if is_transient(error):
        log.warning("request_refused", error=repr(error))
        return ProblemError(
            503,
            "unavailable",
            "The service can't do it now. Try again soon, with the same Idempotency-Key if any.",
            headers={"Retry-After": "1"},
        ).response()
    if is_bad_value(error):
        # The routes should have refused it: their checks lack one.
        log.warning("value_refused", exc_info=error)
        detail = "A value of the request is too large, too long, or no text that can be stored."
        return ProblemError(422, "invalid", detail).response()
    log.error("request_failed", exc_info=error)
    return ProblemError(500, "unexpected", "Nothing was done. The failure is logged.").response()
