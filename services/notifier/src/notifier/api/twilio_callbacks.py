"""What Twilio calls: replies, keys that are pressed, and what became of messages and calls."""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Path, Request, Response

from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from common.http import twilio_signatures
from common.http.examples import NOTIFICATION_ID
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from notifier import rendering
from notifier.api.deps import (
    ON_SIGNED,
    UUID,
    NotifierDatabase,
    capability_of,
    get_content_levels,
    language_of_user,
    payload_problems,
    problems,
    refusals,
    request_time,
    transaction,
)
from notifier.channels import twiml
from notifier.channels.phone_texts import MAX_SEGMENTS, phrase
from notifier.channels.twilio import CALLBACKS, TwilioAccount, TwilioChannel, phone_number
from notifier.channels.twilio_reports import read_report
from notifier.domain import sms_segments
from notifier.domain.content_levels import ContentLevels
from notifier.domain.errors import AttemptUnderWayError, NotificationNotFoundError
from notifier.domain.notifications import Notification
from notifier.links import Links
from notifier.refusals import refusal_text
from notifier.use_cases import phone_replies, receipts
from notifier.use_cases.phone_replies import ACTIONS, Refusal, Reply, TakenReply

_TWIML: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "What Twilio says or writes back.",
        "content": {"text/xml": {"schema": {"type": "string"}}},
    }
}
TokenPath = Annotated[str, Path(description="What the call was made with.", examples=["…"])]
NotificationPath = Annotated[
    NotificationId,
    Path(pattern=UUID, description="The message or call.", examples=[NOTIFICATION_ID]),
]


def make_router(channel: TwilioChannel) -> ApiRouter:
    router = ApiRouter(prefix=CALLBACKS, tags=["callbacks"])
    _add_replies(router, channel.account)
    _add_keys(router, channel.account)
    _add_statuses(router, channel.account)
    return router


def _add_replies(router: ApiRouter, account: TwilioAccount) -> None:
    @router.post(
        "/messages",
        operation_id="reply_by_phone",
        response_class=Response,
        responses=_TWIML | refusals(others=ON_SIGNED),
        openapi_extra=_body({"MessageSid": "SM0123", "From": "+442079460018", "Body": "1"}),
    )
    async def take_reply(request: Request, database: NotifierDatabase) -> Response:
        """Take a reply to a text message or in WhatsApp: 1 acknowledges, 2 takes over.

        It answers the newest message that asks the owner of the number. The answer says what
        happened; strangers get none.
        """
        reply = _read_reply(await _fields(account, request))
        links: Links = request.app.state.links
        try:
            async with transaction(database) as uow:
                taken = await phone_replies.take(reply, links.max_age, uow)
                at = uow.now
            _tell_refusal(taken)
        except ProblemError as error:
            language = await language_of_user(reply.medium, reply.number, database)
            return _written_back(refusal_text(error, language, request_time(request)))
        if not isinstance(taken, TakenReply):
            return _written_back("")
        language = taken.notification.language
        if taken.action is None:
            return _written_back(phrase("which_reply", language))
        headline = _headline(taken.notification, at, await get_content_levels(request))
        return _written_back(phrase(taken.action, language, headline=headline))


def _add_keys(router: ApiRouter, account: TwilioAccount) -> None:
    @router.post(
        "/keys/{token}",
        operation_id="press_key",
        response_class=Response,
        responses=_TWIML | refusals(others=ON_SIGNED),
        openapi_extra=_body({"CallSid": "CA0123", "To": "+442079460018", "Digits": "1"}),
    )
    async def take_key(token: TokenPath, request: Request, database: NotifierDatabase) -> Response:
        """Take a key that was pressed in a call: 1 acknowledges, 2 takes over.

        It is the answer of the person whose number was called. What is said tells what happened.
        """
        fields = await _fields(account, request)
        action = ACTIONS.get(fields.get("Digits", ""))
        number, call_id = phone_number(fields.get("To", "")) or "", fields.get("CallSid", "")
        language = await language_of_user("voice", number, database)
        if action is None:
            text = f"{phrase('other_key', language)} {phrase('keys', language)}"
            keys_url = account.callback(f"keys/{token}")
            return _twiml(twiml.call(text, keys_url, phrase("goodbye", language), language))
        try:
            capability = capability_of(token, request)
            async with transaction(database) as uow:
                taken = await phone_replies.press_key(call_id, number, action, capability, uow)
                at = uow.now
            _tell_refusal(taken)
        except ProblemError as error:
            refusal = refusal_text(error, language, request_time(request))
            return _twiml(twiml.saying(refusal, language))
        headline = ""
        if isinstance(taken, TakenReply):
            language = taken.notification.language
            headline = _headline(taken.notification, at, await get_content_levels(request))
        return _twiml(twiml.saying(phrase(action, language, headline=headline), language))


def _add_statuses(router: ApiRouter, account: TwilioAccount) -> None:
    @router.post(
        "/statuses/{notification_id}",
        status_code=HTTPStatus.NO_CONTENT,
        operation_id="report_status",
        responses=refusals(NotificationNotFoundError, AttemptUnderWayError, others=ON_SIGNED),
        openapi_extra=_body({"MessageSid": "SM0123", "MessageStatus": "delivered"}),
    )
    async def take_status(
        notification_id: NotificationPath, request: Request, database: NotifierDatabase
    ) -> None:
        """Take what became of a message or a call."""
        message_id, report = read_report(await _fields(account, request))
        if report is None:
            return
        async with transaction(database) as uow:
            await receipts.receive(notification_id, message_id, report, account.retry, uow)


def _tell_refusal(taken: TakenReply | Refusal | None) -> None:
    """Raise ProblemError for a refusal, whose reply is kept: that transaction is not undone."""
    if isinstance(taken, Exception):
        with problems():
            raise taken


async def _fields(account: TwilioAccount, request: Request) -> Mapping[str, str]:
    query = request.url.query
    target = f"{request.url.path}?{query}" if query else request.url.path
    signature = request.headers.get(twilio_signatures.HEADER, "")
    body = await request.body()
    with payload_problems():
        return account.read_form(target, body, signature)


def _read_reply(fields: Mapping[str, str]) -> Reply:
    sender, message_id = fields.get("From", ""), fields.get("MessageSid", "")
    number = phone_number(sender)
    if number is None or not message_id:
        raise ProblemError(400, "malformed-payload", "The form has no MessageSid or no From.")
    medium: Medium = "whatsapp" if sender.startswith("whatsapp:") else "sms"
    # A button of a template of WhatsApp has a text of its own.
    text = fields.get("ButtonPayload") or fields.get("Body", "")
    return Reply(message_id, medium, number, text.strip())


def _written_back(text: str) -> Response:
    fitting = sms_segments.fit(sms_segments.plain(text), MAX_SEGMENTS)
    return _twiml(twiml.message(fitting))


def _headline(notification: Notification, at: datetime, levels: ContentLevels) -> str:
    content = levels.shown(notification).content
    local, language = notification.local(at), notification.language
    return rendering.words(content, local, language=language).headline


def _twiml(text: str) -> Response:
    return Response(text, media_type=twiml.MEDIA_TYPE)


def _body(example: Mapping[str, str]) -> dict[str, Any]:
    form = {
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
        "example": dict(example),
    }
    return {
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": form},
        }
    }
