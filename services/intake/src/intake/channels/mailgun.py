"""Mailgun: routes that forward a mail to a webhook."""

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from common.http.webhooks import BadSignatureError, StaleRequestError
from intake.channels.base import (
    ChannelEvent,
    MalformedBodyError,
    Reply,
    WebhookRequest,
)
from intake.channels.event_keys import event_key
from intake.channels.fields import load_json, moment_at, read_object, read_seconds, read_texts
from intake.channels.mail import MailOptions, mail_events, read_raw_mail
from intake.channels.mail_posts import mail_of, read_post
from intake.domain.model import ChannelConnection

# Mailgun repeats a post for eight hours. Its token makes each of them the same event.
_TOLERANCE: Final = timedelta(hours=9)


class Mailgun:
    kind = "mailgun"
    proof = (
        "Mailgun signs the time and a token with its signing key: the fields timestamp, "
        "token and signature."
    )
    options = MailOptions

    def verify(self, connection: ChannelConnection, request: WebhookRequest, now: datetime) -> None:
        try:
            proof = _proof(request)
        except MalformedBodyError as error:
            raise BadSignatureError from error
        timestamp, token = proof.get("timestamp", ""), proof.get("token", "")
        signature = proof.get("signature", "").lower().encode()
        signed = (timestamp + token).encode()
        matches = [
            hmac.compare_digest(signature, hmac.new(secret, signed, "sha256").hexdigest().encode())
            for secret in connection.secrets
        ]
        # The border between timestamp and token is not signed.
        if not timestamp.isdigit() or not any(matches):
            raise BadSignatureError
        time = read_seconds(timestamp)
        if time is None or abs(now - time) > _TOLERANCE:
            raise StaleRequestError

    def parse(self, connection: ChannelConnection, request: WebhookRequest) -> list[ChannelEvent]:
        if _is_json(request):
            # What became of a mail of ours.
            return []
        options = MailOptions.model_validate(connection.options)
        post, proof = read_post(request), _proof(request)
        raw = post.fields.get("body-mime")
        mail = read_raw_mail(raw) if raw else mail_of(post)
        moment = moment_at(read_seconds(proof.get("timestamp")))
        # The signature covers the token, and not the mail: a token counts once.
        key = event_key("token", proof.get("token"))
        return mail_events(mail, options, key, moment)

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return None


def _is_json(request: WebhookRequest) -> bool:
    return request.media_type.endswith("json")


def _proof(request: WebhookRequest) -> Mapping[str, str]:
    if _is_json(request):
        content = read_object(load_json(request.body))
        return read_texts(content.get("signature"))
    post = read_post(request)
    return {name: post.text(name) for name in ("timestamp", "token", "signature")}
