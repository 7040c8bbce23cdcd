"""How intake signs in to a mailbox as an app."""

from dataclasses import dataclass
from typing import assert_never

from common.core.access_tokens import client_credentials, entra_token_url, refresh_token
from intake.channels.imap import ImapOptions
from intake.domain.model import ChannelConnection
from intake.domain.sign_ins import SignIn
from intake.mailboxes.errors import MailboxError


@dataclass(frozen=True, slots=True)
class MailboxApps:
    """Where the providers give access tokens."""

    microsoft_login_url: str
    google_token_url: str

    def sign_in(self, connection: ChannelConnection) -> SignIn | None:
        """Return None for a mailbox with a password; raises MailboxError."""
        options = ImapOptions.model_validate(connection.options)
        app, secrets = options.oauth, connection.passwords
        if app is None:
            return None
        match app.provider:
            case "microsoft":
                url = entra_token_url(self.microsoft_login_url, app.tenant_id or "")
                scope = f"https://{options.host}/.default"
                forms = [client_credentials(app.client_id, each, scope) for each in secrets]
            case "google":
                if connection.app_secret is None:
                    raise MailboxError("the connection has no secret of the app")
                url = self.google_token_url
                forms = [
                    refresh_token(app.client_id, connection.app_secret, each) for each in secrets
                ]
            case _:
                assert_never(app.provider)
        return SignIn(url, tuple(forms), connection.version)
