"""SendGrid: the Inbound Parse webhook."""

from datetime import datetime

from intake.channels.base import ChannelEvent, Reply, WebhookRequest
from intake.channels.mail import MailOptions, mail_events, read_raw_mail
from intake.channels.mail_posts import mail_of, read_post
from intake.channels.shared_secret import verify_shared_secret
from intake.domain.model import ChannelConnection


class SendGrid:
    kind = "sendgrid"
    proof = "The secret is the password of Basic authentication, or a part of the address."
    options = MailOptions

    def verify(
        self, connection: ChannelConnection, request: WebhookRequest, _now: datetime
    ) -> None:
        verify_shared_secret(connection, request)

    def parse(self, connection: ChannelConnection, request: WebhookRequest) -> list[ChannelEvent]:
        options = MailOptions.model_validate(connection.options)
        post = read_post(request)
        # With "post the raw message" the whole mail is one field.
        raw = post.fields.get("email")
        mail = read_raw_mail(raw) if raw else mail_of(post)
        return mail_events(mail, options, mail.message_id, None)

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return None
