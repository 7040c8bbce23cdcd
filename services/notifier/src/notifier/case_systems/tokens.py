"""Access tokens of the OAuth 2.0 client credentials flow, kept until they expire."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from pydantic import Field, SecretStr

from common.http.app import Slug
from notifier.case_systems.base import Credentials
from notifier.case_systems.http import Answer, Call, CaseHttp, WriteFailedError, read_refusal
from notifier.domain.write_backs.writes import CredentialsRefused, Delayed

# Salesforce does not say how long a token is valid; an old one is replaced when it is refused.
_DEFAULT_LIFE_S: Final = 900
_MARGIN: Final = timedelta(seconds=60)
# Wrong credentials are 400 or 401 (RFC 6749, section 5.2).
_REFUSALS: Final = frozenset((HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED))


class ClientCredentials(Credentials):
    """An app of the system that signs in as itself."""

    client_id: Slug = Field(description="The id of the app.")
    client_secret: SecretStr = Field(
        min_length=8, max_length=300, description="The secret of the app; it is never shown."
    )

    @property
    def account(self) -> str:
        return self.client_id


class TokenSource:
    """Signs calls with a token; it gets a new one if the system refuses it."""

    def __init__(self, http: CaseHttp, url: str, form: Mapping[str, str]) -> None:
        self._http = http
        self._url = url
        self._form = form
        self._token = ""
        self._valid_until: datetime | None = None

    async def send(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Raises WriteFailedError if there is no token or no answer."""
        answer = await self._send(call, headers)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        self._valid_until = None
        return await self._send(call, headers)

    async def _send(self, call: Call, headers: Mapping[str, str]) -> Answer:
        now = self._http.clock.utc_now()
        if self._valid_until is None or self._valid_until <= now:
            self._token, life = await self._fetch()
            self._valid_until = now + max(life - _MARGIN, timedelta(0))
        return await self._http.send(call, {**headers, "Authorization": f"Bearer {self._token}"})

    async def _fetch(self) -> tuple[str, timedelta]:
        call = Call("POST", self._url, form=self._form)
        answer = await self._http.send(call, {})
        if answer.status in _REFUSALS:
            outcome = read_refusal(answer, call, self._http.clock.utc_now())
            reason = getattr(outcome, "reason", "")
            raise WriteFailedError(CredentialsRefused(f"no access token: {reason}"))
        self._http.require_success(answer, call)
        body: Any = answer.body
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise WriteFailedError(Delayed("the answer has no access token"))
        return token, timedelta(seconds=_life_s(body.get("expires_in")))


def _life_s(value: Any) -> float:
    try:
        return min(max(float(value), 0), 86_400)
    except (TypeError, ValueError):
        return _DEFAULT_LIFE_S
