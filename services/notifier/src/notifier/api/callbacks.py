"""Presses of buttons, as outside systems send them: signed, so without an API key."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from common.http.problems import ProblemError
from notifier import handlers
from notifier.api.deps import NotifierDatabase, notification_of, now, work
from notifier.channels import slack
from notifier.channels.slack import Interaction

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["payload"],
                    "properties": {"payload": {"type": "string"}},
                },
                "example": {
                    "payload": '{"type":"block_actions","user":{"id":"U0123"},'
                    '"actions":[{"action_id":"acknowledge","value":"the signed token"}]}'
                },
            }
        },
    }
}


@router.post("/slack", openapi_extra=_FORM)
async def press(request: Request, database: NotifierDatabase) -> Response:
    """Take a press of a button in Slack. Buttons that are mere links are answered and ignored."""
    body = await request.body()
    secret: str = request.app.state.slack_signing_secret
    try:
        slack.verify(secret, request.headers, body, now(request))
    except (slack.BadSignatureError, slack.StaleRequestError) as error:
        raise ProblemError(401, "signature-refused", str(error.__doc__)) from error
    interaction = _parsed(body)
    for action in interaction.actions:
        if interaction.type == "block_actions" and action.action_id == slack.ACKNOWLEDGE:
            notification_id = notification_of(action.value or "", request)
            async with work(database) as uow:
                await handlers.press(notification_id, interaction.user.id, uow)
    return Response(status_code=HTTPStatus.OK)


def _parsed(body: bytes) -> Interaction:
    try:
        return slack.interaction(body)
    except slack.BadPayloadError as error:
        raise ProblemError(400, "malformed-payload", str(error.__doc__)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        raise ProblemError(422, "invalid", f"payload/{place}: {first['msg']}") from error
