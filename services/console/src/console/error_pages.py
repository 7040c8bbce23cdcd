"""Answers every error with a page that says what is wrong and what to do."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from common.core.errors import is_bad_value, is_transient
from common.http.access import SAFE_METHODS
from common.http.problems import ProblemError
from console.clients.services import ServiceProblemError, ServiceUnavailableError
from console.errors import PageError, SignInRequiredError
from console.rendering import is_fragment, render_page
from console.views.problem_texts import TEXTS
from console.views.words import SERVICES

_RETRY_AFTER_S: Final = "5"

log = structlog.get_logger()


def answer_to(request: Request, error: Exception) -> Response:
    """Return the page; log the errors that are not the reader's."""
    if isinstance(error, SignInRequiredError):
        return _sign_in(request)
    page = _page_error(error)
    if page is None:
        page = _failure(error)
    return _page(request, page)


def _page_error(error: Exception) -> PageError | None:
    """Return what the page says; None if the error is not one that a request may end with."""
    match error:
        case PageError():
            return error
        case ServiceUnavailableError() | ServiceProblemError():
            return _service_error(error)
        case ProblemError():
            return PageError(error.status, "malformed", reason=error.detail)
        case RequestValidationError():
            return PageError(422, "invalid")
        case HTTPException():
            code = "not-found" if error.status_code == HTTPStatus.NOT_FOUND else "malformed"
            reason = HTTPStatus(error.status_code).phrase
            return PageError(error.status_code, code, reason=reason)
        case _:
            return None


def _sign_in(request: Request) -> Response:
    """Lead to the sign-in, and back afterwards; what was sent is not done.

    A script gets a part of a page, and loads its page again.
    """
    is_safe = request.method in SAFE_METHODS
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    place = f"/sign-in?next={quote(target if is_safe else '/', safe='')}"
    if is_safe and not is_fragment(request):
        return RedirectResponse(place, HTTPStatus.SEE_OTHER)
    return _page(request, PageError(401, "session-over", place=place))


def _service_error(problem: ServiceUnavailableError | ServiceProblemError) -> PageError:
    if isinstance(problem, ServiceUnavailableError):
        return PageError(503, "service-unavailable", part=SERVICES[problem.service])
    if problem.refuses_console:
        log.error("console_refused", service=problem.service, reason=problem.detail)
        part = SERVICES[problem.service]
        return PageError(503, "console-refused", part=part, reason=problem.detail)
    if problem.refuses_person:
        log.warning("person_refused", service=problem.service, reason=problem.detail)
        return PageError(403, "person-refused", service=problem.service)
    if problem.status == HTTPStatus.NOT_FOUND:
        return PageError(problem.status, "not-found")
    text = TEXTS.get(problem.code, "")
    return PageError(problem.status, "service-refused", text=text, reason=problem.detail)


def _failure(error: Exception) -> PageError:
    if is_transient(error):
        log.warning("request_refused", error=repr(error))
        return PageError(503, "unavailable")
    if is_bad_value(error):
        log.warning("value_refused", exc_info=error)
        return PageError(422, "invalid")
    log.error("request_failed", exc_info=error)
    return PageError(500, "unexpected")


def _page(request: Request, error: PageError) -> Response:
    response = render_page(
        request,
        "problem_fragment.html" if is_fragment(request) else "problem.html",
        error.status,
        code=error.code,
        details=error.details,
        help_contact=request.app.state.help_contact,
    )
    if error.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response.headers["Retry-After"] = _RETRY_AFTER_S
    return response
