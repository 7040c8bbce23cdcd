"""Cases of Dynamics 365, read by its Web API."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from common.core.access_tokens import AccessToken, client_credentials, entra_token_url
from common.core.clock import TimeSource
from common.http.guarded_calls import Call, CallError, GuardedCalls
from common.http.retry_after import retry_after
from intake.case_systems.base import CaseGoneError, CaseUnreadableError, TokenRefusedError
from intake.channels.base import ChannelEvent, WebhookRequest
from intake.channels.dynamics import CaseReading, Dynamics, DynamicsOptions
from intake.domain.model import ChannelConnection
from intake.domain.sign_ins import SignIn

_HEADERS: Final[Mapping[str, str]] = {
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    # Labels of values, and the name of the customer.
    "Prefer": 'odata.include-annotations="OData.Community.Display.V1.FormattedValue"',
}
_GONE: Final = frozenset((HTTPStatus.NOT_FOUND, HTTPStatus.GONE))


class DynamicsCases:
    def __init__(self, calls: GuardedCalls, login_url: str, clock: TimeSource) -> None:
        self.channel = Dynamics()
        self._calls = calls
        self._login_url = login_url
        self._clock = clock

    def sign_in(self, connection: ChannelConnection) -> SignIn | None:
        app = _app(connection)
        if app is None or connection.app_secret is None:
            return None
        form = client_credentials(app.client_id, connection.app_secret, f"{app.base_url}/.default")
        url = entra_token_url(self._login_url, app.tenant_id)
        return SignIn(url, (form,), connection.version)

    async def read(self, connection: ChannelConnection, case_ref: str, token: AccessToken) -> bytes:
        app = _app(connection)
        if app is None:
            raise CaseUnreadableError("the connection does not say where")
        url = f"{app.base_url}/api/data/v9.2/incidents({case_ref})"
        headers = {**_HEADERS, "Authorization": f"Bearer {token.value}"}
        try:
            answer = await self._calls.send(Call("GET", url, headers))
        except CallError as error:
            raise CaseUnreadableError(f"Dynamics gave {error}") from error
        reason = f"Dynamics answered {answer.status}"
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise TokenRefusedError(reason)
        if answer.status in _GONE:
            raise CaseGoneError(reason)
        if not answer.is_success:
            wait = retry_after(answer.headers.get("Retry-After"), self._clock.utc_now())
            raise CaseUnreadableError(reason, wait)
        return answer.content

    def events_of(
        self,
        connection: ChannelConnection,
        request: WebhookRequest,
        content: bytes,
        *,
        is_late: bool,
    ) -> Sequence[ChannelEvent]:
        return self.channel.read_case(connection, request, content, is_late=is_late)

    def events_without_words(
        self, connection: ChannelConnection, request: WebhookRequest
    ) -> Sequence[ChannelEvent]:
        return self.channel.name_case(connection, request)


def _app(connection: ChannelConnection) -> CaseReading | None:
    return DynamicsOptions.model_validate(connection.options).read_from
