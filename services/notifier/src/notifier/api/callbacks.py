"""Presses of buttons, as outside systems report them: signed, so without an API key."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import assert_never

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse

from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from common.storage.database import Database
from notifier.api.deps import (
    ON_ANSWER,
    ON_SIGNED,
    NotifierDatabase,
    capability_of,
    language_of_user,
    payload_problems,
    refusals,
    request_time,
    transaction,
)
from notifier.channels.base import (
    AddressCheck,
    Channel,
    FilledForm,
    FormRequest,
    HomeOpened,
    Interaction,
    Press,
)
from notifier.domain.errors import NotHeldError, NotPagedError
from notifier.refusals import refusal_text
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases import answers, home_tabs


def make_router(channels: Sequence[Channel]) -> ApiRouter:
    """Make a route for each interactive channel: `/v1/callbacks/slack`."""
    router = ApiRouter(prefix="/v1/callbacks", tags=["callbacks"])
    for channel in channels:
        if channel.interactive:
            router.add_api_route(
                f"/{channel.medium}",
                _press(channel),
                methods=["POST"],
                description=_description(channel),
                operation_id=f"press_{channel.medium}",
                responses=refusals(*ON_ANSWER, NotHeldError, NotPagedError, others=ON_SIGNED),
                openapi_extra={"requestBody": {"required": True, "content": channel.callback_body}},
            )
    return router


def _description(channel: Channel) -> str:
    presses = f"Take a press of a button or a form in {channel.medium}."
    ignored = "Buttons that only open a link are ignored."
    opened = "A user who opens the home tab gets it published." if channel.has_home else ""
    return " ".join(filter(None, (presses, ignored, opened)))


def _press(channel: Channel) -> Callable[[Request, NotifierDatabase], Awaitable[Response]]:
    async def press(request: Request, database: NotifierDatabase) -> Response:
        for interaction in _interactions(channel, request, await request.body()):
            match interaction:
                case AddressCheck():
                    return PlainTextResponse(interaction.answer)
                case FilledForm():
                    return await _take_form(channel, interaction, request, database)
                case HomeOpened():
                    async with transaction(database) as uow:
                        await home_tabs.open_tab(channel.medium, interaction.user_id, uow)
                case Press() | FormRequest():
                    await _take(channel, interaction, request, database)
                case _:
                    assert_never(interaction)
        return Response(status_code=HTTPStatus.OK)

    return press


async def _take(
    channel: Channel,
    pressed: Press | FormRequest,
    request: Request,
    database: Database[UnitOfWork],
) -> None:
    """Take a press; the user who pressed is told why it is refused."""
    medium, user_id = channel.medium, pressed.user_id
    try:
        capability = capability_of(pressed.token, request)
        async with transaction(database) as uow:
            if isinstance(pressed, Press):
                await answers.press(capability, medium, user_id, pressed.action, uow)
                return
            language = await answers.check_holder(capability, medium, user_id, uow)
    except ProblemError as error:
        at, language = request_time(request), await language_of_user(medium, user_id, database)
        await channel.refuse(pressed, refusal_text(error, language, at), language, at)
        raise
    await channel.open_form(pressed, language, request_time(request))


async def _take_form(
    channel: Channel, form: FilledForm, request: Request, database: Database[UnitOfWork]
) -> Response:
    """Take a form; the form stays open and says why it is refused."""
    try:
        capability = capability_of(form.token, request)
        async with transaction(database) as uow:
            await answers.act_as_holder(capability, channel.medium, form.user_id, form.act, uow)
    except ProblemError as error:
        language = await language_of_user(channel.medium, form.user_id, database)
        reason = refusal_text(error, language, request_time(request))
        refusal = channel.form_refusal(form, reason)
        return Response(refusal, HTTPStatus.OK, media_type="application/json")
    return Response(status_code=HTTPStatus.OK)


def _interactions(channel: Channel, request: Request, body: bytes) -> Sequence[Interaction]:
    with payload_problems():
        return channel.presses(request.headers, body, request_time(request))
