"""Access tokens of the OAuth 2.0 client credentials flow, kept until they expire."""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import Field, SecretStr

from common.core.access_tokens import REFUSALS, AccessToken, read_access_token
from common.http.app import Slug
from notifier.case_systems.base import Credentials
from notifier.case_systems.http import Answer, Call, CaseHttp, WriteFailedError, read_refusal
from notifier.domain.write_backs.writes import CredentialsRefused, Delayed


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
        self._token: AccessToken | None = None

    async def send(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """Raises WriteFailedError if there is no token or no answer."""
        answer = await self._send(call, headers)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        self._token = None
        return await self._send(call, headers)

    async def _send(self, call: Call, headers: Mapping[str, str]) -> Answer:
        if self._token is None or self._token.valid_until <= self._http.clock.utc_now():
            self._token = await self._fetch()
        signed = {**headers, "Authorization": f"Bearer {self._token.value}"}
        return await self._http.send(call, signed)

    async def _fetch(self) -> AccessToken:
        call = Call("POST", self._url, form=self._form)
        answer = await self._http.send(call, {})
        now = self._http.clock.utc_now()
        if answer.status in REFUSALS:
            outcome = read_refusal(answer, call, now)
            reason = getattr(outcome, "reason", "")
            raise WriteFailedError(CredentialsRefused(f"no access token: {reason}"))
        self._http.require_success(answer, call)
        token = read_access_token(answer.body, now)
        if token is None:
            raise WriteFailedError(Delayed("the answer has no access token"))
        return token
