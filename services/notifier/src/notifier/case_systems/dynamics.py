"""Dynamics 365: columns of a case, and a note of its timeline."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from common.core.access_tokens import client_credentials, entra_token_url
from common.http.app import Slug
from notifier.case_systems.base import Account, CaseSystem, Credentials, secret
from notifier.case_systems.http import Call, CaseHttp, WriteFailedError
from notifier.case_systems.tokens import ClientCredentials, TokenSource
from notifier.domain.write_backs.writes import CaseChange, CredentialsRefused, Rejected, Written

_API: Final = "/api/data/v9.2"
_CASE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEADERS: Final[Mapping[str, str]] = {"OData-MaxVersion": "4.0", "OData-Version": "4.0"}
# Webhooks repeat it among their shared variables, by which intake knows our own changes.
_TAG: Final[Mapping[str, str]] = {"tag": "upstairs"}
_PRIORITIES: Final[Mapping[str, int]] = {"high": 1, "normal": 2, "low": 3}


class AppRegistration(ClientCredentials):
    """An app registration of Microsoft Entra that is an application user of the environment."""

    type: Literal["client_credentials"] = Field(description="How Upstairs signs in.")
    tenant_id: Slug = Field(description="The tenant of Microsoft Entra.")


class DynamicsCases(CaseSystem):
    credentials = (AppRegistration,)
    priorities: ClassVar = frozenset(_PRIORITIES)
    field_name: ClassVar = re.compile(r"[a-z][a-z0-9_]{0,99}")

    def __init__(self, http: CaseHttp, credentials: Credentials, login_url: str) -> None:
        if not isinstance(credentials, AppRegistration):
            raise TypeError(f"no credentials of Dynamics: {credentials.type}")
        self._http = http
        form = client_credentials(
            credentials.client_id, secret(credentials.client_secret), f"{http.base_url}/.default"
        )
        url = entra_token_url(login_url, credentials.tenant_id)
        self._tokens = TokenSource(http, url, form)

    async def read_account(self) -> Account:
        call = Call("GET", self._url("WhoAmI"))
        answer = self._http.require_success(await self._tokens.send(call, _HEADERS), call)
        user = answer.body if isinstance(answer.body, dict) else {}
        if not user.get("UserId"):
            raise WriteFailedError(CredentialsRefused("Dynamics does not know the user"))
        return Account(str(user["UserId"]).lower())

    async def write(self, change: CaseChange) -> Written:
        ref = change.external_ref
        if not _CASE_ID.fullmatch(ref):
            raise WriteFailedError(Rejected("the contact's reference is no id of a case"))
        columns = dict(change.writes.fields)
        if change.writes.priority is not None:
            columns["prioritycode"] = _PRIORITIES[change.writes.priority]
        if columns:
            # Without If-Match a case that was deleted would be made again.
            await self._change(f"incidents({ref})", columns, {"If-Match": "*"})
        if change.note is not None:
            note = {
                "subject": "Upstairs",
                "notetext": change.note,
                "objectid_incident@odata.bind": f"/incidents({ref})",
            }
            # The note has our id: written again it is there already, and stays as it is.
            path = f"annotations({change.write_id})"
            is_there = HTTPStatus.PRECONDITION_FAILED
            await self._change(path, note, {"If-None-Match": "*"}, also=is_there)
        return Written()

    async def _change(
        self,
        path: str,
        columns: Mapping[str, Any],
        headers: Mapping[str, str],
        also: HTTPStatus | None = None,
    ) -> None:
        """Write it; the status `also` is a success too."""
        call = Call("PATCH", self._url(path), json=columns, query=_TAG, changes=True)
        answer = await self._tokens.send(call, {**_HEADERS, **headers})
        if answer.status != also:
            self._http.require_success(answer, call)

    def _url(self, path: str) -> str:
        return f"{self._http.base_url}{_API}/{path}"
