"""Salesforce: fields of a case, and a case comment that customers do not see."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import Field

from notifier.case_systems.base import Account, CaseSystem, Credentials, secret
from notifier.case_systems.http import Answer, Call, CaseHttp, WriteFailedError
from notifier.case_systems.tokens import ClientCredentials, TokenSource
from notifier.domain.write_backs.writes import (
    CaseChange,
    CredentialsRefused,
    Delayed,
    Rejected,
    Written,
)

_VERSION: Final = "v60.0"
_CASE_ID: Final = re.compile(r"500[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
# Change Data Capture repeats the client, by which intake knows our own changes.
_HEADERS: Final[Mapping[str, str]] = {"Sforce-Call-Options": "client=upstairs"}
_LIMIT: Final = "REQUEST_LIMIT_EXCEEDED"
_LOCKED: Final = "UNABLE_TO_LOCK_ROW"


class ConnectedApp(ClientCredentials):
    """A connected app that allows the client credentials flow, with the user that it runs as."""

    type: Literal["client_credentials"] = Field(description="How Upstairs signs in.")


class SalesforceCases(CaseSystem):
    credentials = (ConnectedApp,)
    # The values of the list are the organisation's own.
    priorities: ClassVar[frozenset[str]] = frozenset()
    field_name: ClassVar = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")

    def __init__(self, http: CaseHttp, credentials: Credentials, login_url: str) -> None:
        del login_url
        if not isinstance(credentials, ConnectedApp):
            raise TypeError(f"no credentials of Salesforce: {credentials.type}")
        self._http = http
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": secret(credentials.client_secret),
        }
        self._tokens = TokenSource(http, f"{http.base_url}/services/oauth2/token", form)

    async def read_account(self) -> Account:
        answer = await self._call("GET", "/services/oauth2/userinfo")
        user = answer.body if isinstance(answer.body, dict) else {}
        if not user.get("user_id"):
            raise WriteFailedError(CredentialsRefused("Salesforce does not know the user"))
        name = user.get("name")
        return Account(str(user["user_id"]), None if name is None else str(name))

    async def write(self, change: CaseChange) -> Written:
        ref = change.external_ref
        if not _CASE_ID.fullmatch(ref):
            raise WriteFailedError(Rejected("the contact's reference is no id of a case"))
        fields = dict(change.writes.fields)
        if change.writes.priority is not None:
            fields["Priority"] = change.writes.priority
        if fields:
            await self._call("PATCH", _data(f"sobjects/Case/{ref}"), json=fields, changes=True)
        if change.note is None or (change.may_be_written and await self._has_note(change)):
            return Written()
        comment = {"ParentId": ref, "CommentBody": change.note, "IsPublished": False}
        await self._call("POST", _data("sobjects/CaseComment"), json=comment, changes=True)
        return Written()

    async def _has_note(self, change: CaseChange) -> bool:
        path = _data(f"sobjects/Case/{change.external_ref}/CaseComments")
        answer = await self._call("GET", path, query={"fields": "CommentBody"})
        records = answer.body.get("records") if isinstance(answer.body, dict) else None
        return any(change.mark in str(record.get("CommentBody")) for record in records or ())

    async def _call(self, method: str, path: str, **call: Any) -> Answer:
        whole = Call(method, f"{self._http.base_url}{path}", **call)
        answer = await self._tokens.send(whole, _HEADERS)
        codes = _codes(answer.body)
        if _LIMIT in codes:
            raise WriteFailedError(Delayed("no calls are left", holds_system=True))
        if _LOCKED in codes:
            raise WriteFailedError(Delayed("the case is locked"))
        return self._http.require_success(answer, whole)


def _data(path: str) -> str:
    return f"/services/data/{_VERSION}/{path}"


def _codes(body: Any) -> set[str]:
    errors = body if isinstance(body, list) else ()
    return {str(each.get("errorCode")) for each in errors if isinstance(each, dict)}
