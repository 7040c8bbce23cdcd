"""The cookies: one names the session, one holds the state of a sign-in that is under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from itsdangerous import TimestampSigner
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """With the prefix `__Host-` no other host, and no page without encryption, can set it.

    Browsers demand the encryption for it, so on plain HTTP, which is for this machine only, the
    name has no prefix. It is a cookie of the browser's session: the console knows when it ends.
    """

    is_secure: bool

    @property
    def name(self) -> str:
        return "__Host-upstairs" if self.is_secure else "upstairs"

    def read(self, request: Request) -> str | None:
        return request.cookies.get(self.name)

    def write(self, response: Response, token: str) -> None:
        # Strict would keep it back when the provider, or a link in a mail, leads here.
        response.set_cookie(
            self.name, token, path="/", secure=self.is_secure, httponly=True, samesite="lax"
        )

    def clear(self, response: Response) -> None:
        response.delete_cookie(
            self.name, path="/", secure=self.is_secure, httponly=True, samesite="lax"
        )


class SignInCookie(SessionMiddleware):
    """The first secret signs, all verify: so a secret can be replaced while people sign in."""

    def __init__(self, app: ASGIApp, /, secrets: Sequence[str], **options: Any) -> None:
        super().__init__(app, secrets[0], **options)
        # itsdangerous signs with the last.
        self.signer = TimestampSigner([*reversed(secrets)])
