"""A mailbox that intake reads itself, by IMAP: no webhook comes, and the secret is its password."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from common.core.text import is_visible
from common.http.app import Slug
from common.http.webhooks import BadSignatureError
from intake.channels.base import ChannelEvent, ChannelOptions, Reply, WebhookRequest
from intake.channels.fields import moment_at, read_time
from intake.channels.mail import MailOptions, mail_events, read_raw_mail
from intake.domain.model import ChannelConnection

# When the mail came into the mailbox, by its server's clock.
RECEIVED_HEADER: Final = "received-at"


class MailboxApp(ChannelOptions):
    """The app as which intake signs in to a mailbox, in place of a password (OAuth 2.0)."""

    provider: Literal["microsoft", "google"] = Field(
        description="Who gives the access tokens. `microsoft`: the app signs in as itself, and "
        "`secret` is its secret. `google`: the app goes on in the name of the mailbox's owner; "
        "`secret` is the refresh token, and `app_secret` the secret of the app."
    )
    client_id: str = Field(
        description="The id of the app.",
        min_length=1,
        max_length=300,
        pattern=r"^[A-Za-z0-9._-]+$",
        examples=["4711-a.apps.googleusercontent.com"],
    )
    tenant_id: Slug | None = Field(
        None, description="The tenant of Microsoft Entra that has the app; for `microsoft` only."
    )

    @model_validator(mode="after")
    def _check_tenant(self) -> Self:
        if (self.tenant_id is None) == (self.provider == "microsoft"):
            raise ValueError("must have a tenant_id for microsoft, and none for google")
        return self


class ImapOptions(MailOptions):
    oauth: MailboxApp | None = Field(
        None, description="The app as which intake signs in; without it, `secret` is the password."
    )
    host: str = Field(
        description="The name of the IMAP server.",
        min_length=1,
        max_length=253,
        pattern=r"^[A-Za-z0-9.:_-]+$",
        examples=["imap.example.com"],
    )
    port: int = Field(993, ge=1, le=65_535, description="Its port: 993, or 143 for `starttls`.")
    tls: Literal["implicit", "starttls", "none"] = Field(
        "implicit",
        description="How the connection is encrypted. `none` needs a server in one of "
        "UPSTAIRS_MAILBOX_NETWORKS.",
    )
    user: str = Field(
        description="Whose mailbox it is.", min_length=1, max_length=300, examples=["support"]
    )
    folder: str = Field("INBOX", description="The folder to read.", min_length=1, max_length=300)
    begin: Literal["new", "all"] = Field(
        "new",
        description="Which mails are read at first: those that come from now on, or `all`.",
    )
    after: Literal["seen", "move", "leave"] = Field(
        "seen", description="What is done with a mail that is stored here."
    )
    move_to: str | None = Field(
        None, description="The folder that `move` moves to.", min_length=1, max_length=300
    )

    @property
    def needs_app_secret(self) -> bool:
        return self.oauth is not None and self.oauth.provider == "google"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.after == "move" and self.move_to in (None, self.folder):
            raise ValueError("move_to must name another folder")
        if self.rate_limit is not None:
            raise ValueError("rate_limit must be left out: intake reads as fast as it can store")
        if not all(map(is_visible, (self.user, self.folder, self.move_to or ""))):
            raise ValueError("user and folders must be one line without invisible characters")
        return self


class Imap:
    kind = "imap"
    options = ImapOptions
    proof = "It takes no webhooks: intake fetches the mails."

    def verify(
        self, _connection: ChannelConnection, _request: WebhookRequest, _now: datetime
    ) -> None:
        """Refuse every webhook: mails are fetched."""
        raise BadSignatureError

    def parse(
        self, connection: ChannelConnection, request: WebhookRequest
    ) -> Sequence[ChannelEvent]:
        """Read a mail as it was fetched."""
        options = ImapOptions.model_validate(connection.options)
        mail = read_raw_mail(request.body)
        moment = moment_at(read_time(request.headers.get(RECEIVED_HEADER)))
        return mail_events(mail, options, mail.message_id, moment)

    def reply(self, _request: WebhookRequest) -> Reply | None:
        return None
