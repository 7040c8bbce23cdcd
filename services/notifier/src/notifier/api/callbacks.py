"""Presses of buttons, as outside systems report them: signed, so without an API key."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response

from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from notifier.api.deps import (
    ON_ANSWER,
    NotifierDatabase,
    capability_of,
    refusals,
    request_time,
    transaction,
)
from notifier.channels.base import (
    Channel,
    MalformedPayloadError,
    Press,
    SignatureRefusedError,
)
from notifier.domain.errors import NotPagedError
from notifier.use_cases import answers

_REFUSED: Final = ((401, "signature-refused"), (400, "malformed-payload"))


def make_router(channels: Sequence[Channel]) -> ApiRouter:
    """Make a route for each interactive channel: `/v1/callbacks/slack`."""
    router = ApiRouter(prefix="/v1/callbacks", tags=["callbacks"])
    for channel in channels:
        if channel.interactive:
            router.add_api_route(
                f"/{channel.medium}",
                _press(channel),
                methods=["POST"],
                description=f"Take a press of a button in {channel.medium}. Buttons that only "
                "open a link are ignored.",
                operation_id=f"press_{channel.medium}",
                responses=refusals(*ON_ANSWER, NotPagedError, others=_REFUSED),
                openapi_extra={"requestBody": {"required": True, "content": channel.callback_body}},
            )
    return router


def _press(channel: Channel) -> Callable[[Request, NotifierDatabase], Awaitable[Response]]:
    async def press(request: Request, database: NotifierDatabase) -> Response:
        for pressed in _presses(channel, request, await request.body()):
            try:
                capability = capability_of(pressed.token, request)
                async with transaction(database) as uow:
                    await answers.press(
                        capability, channel.medium, pressed.user_id, pressed.action, uow
                    )
            except ProblemError as error:
                await channel.refuse(pressed, error.detail, request_time(request))
                raise
        return Response(status_code=HTTPStatus.OK)

    return press


def _presses(channel: Channel, request: Request, body: bytes) -> Sequence[Press]:
    try:
        return channel.presses(request.headers, body, request_time(request))
    except SignatureRefusedError as error:
        raise ProblemError(401, "signature-refused", str(error)) from error
    except MalformedPayloadError as error:
        code = "invalid" if error.status == HTTPStatus.UNPROCESSABLE_ENTITY else "malformed-payload"
        raise ProblemError(error.status, code, str(error)) from error
