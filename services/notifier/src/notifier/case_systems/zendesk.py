"""Zendesk: one update of a ticket has the note, the priority, the fields and the tags."""

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, SecretStr

from common.core.mailboxes import Mailbox
from notifier.case_systems.base import Account, CaseSystem, Credentials, secret
from notifier.case_systems.http import Answer, Call, CaseHttp, WriteFailedError
from notifier.domain.write_backs.writes import CaseChange, CredentialsRefused, Rejected, Written

# An account has at least 200 calls a minute; others need some of the last ones.
_CALLS_LEFT_FOR_OTHERS: Final = 10
_TICKET_ID: Final = re.compile(r"\d{1,20}")


class ApiToken(Credentials):
    """An API token of the account, and the agent in whose name it is used."""

    type: Literal["api_token"] = Field(description="How Upstairs signs in.")
    email: Mailbox = Field(description="The agent in whose name Upstairs writes.")
    token: SecretStr = Field(
        min_length=16, max_length=300, description="The token; it is never shown."
    )

    @property
    def account(self) -> str:
        return self.email


class OAuthToken(Credentials):
    """An OAuth access token; it may write tickets."""

    type: Literal["oauth_token"] = Field(description="How Upstairs signs in.")
    token: SecretStr = Field(
        min_length=16, max_length=300, description="The token; it is never shown."
    )

    @property
    def account(self) -> str:
        return "the owner of the token"


class ZendeskTickets(CaseSystem):
    credentials = (ApiToken, OAuthToken)
    priorities: ClassVar = frozenset(("low", "normal", "high", "urgent"))
    # Of a custom field Zendesk shows the id.
    field_name: ClassVar = re.compile(r"\d{1,20}")
    has_tags = True

    def __init__(self, http: CaseHttp, credentials: Credentials, login_url: str) -> None:
        del login_url
        self._http = http
        self._headers = {"Authorization": _authorization(credentials)}

    async def read_account(self) -> Account:
        answer = await self._call("GET", "users/me")
        user = _member(answer.body, "user")
        # Without valid credentials Zendesk answers with an anonymous user.
        if user.get("id") is None:
            raise WriteFailedError(CredentialsRefused("Zendesk does not know the user"))
        name = user.get("name")
        return Account(str(user["id"]), None if name is None else str(name))

    async def write(self, change: CaseChange) -> Written:
        if not _TICKET_ID.fullmatch(change.external_ref):
            raise WriteFailedError(Rejected("the contact's reference is no ticket id"))
        path = f"tickets/{change.external_ref}"
        ticket = _member((await self._call("GET", path)).body, "ticket")
        if ticket.get("status") == "closed":
            raise WriteFailedError(Rejected("the ticket is closed: Zendesk changes it no more"))
        if change.may_be_written and await self._has_note(path, change.mark):
            return Written()
        body = {"ticket": _update(ticket, change)}
        answer = await self._call("PUT", path, json=body, changes=True)
        return Written(_hold(answer.headers))

    async def _has_note(self, path: str, mark: str) -> bool:
        query = {"sort_order": "desc", "per_page": "100"}
        answer = await self._call("GET", f"{path}/comments", query=query)
        comments = answer.body.get("comments") if isinstance(answer.body, dict) else None
        return any(mark in str(comment.get("body")) for comment in comments or ())

    async def _call(self, method: str, path: str, **call: Any) -> Answer:
        whole = Call(method, f"{self._http.base_url}/api/v2/{path}.json", **call)
        return self._http.require_success(await self._http.send(whole, self._headers), whole)


def _authorization(credentials: Credentials) -> str:
    match credentials:
        case ApiToken(email=email, token=token):
            pair = f"{email}/token:{secret(token)}"
            return f"Basic {b64encode(pair.encode()).decode()}"
        case OAuthToken(token=token):
            return f"Bearer {secret(token)}"
        case _:
            raise TypeError(f"no credentials of Zendesk: {credentials.type}")


def _update(ticket: Mapping[str, Any], change: CaseChange) -> dict[str, Any]:
    """Return the update, which Zendesk refuses if the ticket was changed since it was read."""
    writes = change.writes
    update: dict[str, Any] = {"safe_update": True, "updated_stamp": ticket.get("updated_at")}
    if change.note is not None:
        update["comment"] = {"body": change.note, "public": False}
    if writes.priority is not None:
        update["priority"] = writes.priority
    if writes.fields:
        update["custom_fields"] = [
            {"id": int(name), "value": value} for name, value in writes.fields.items()
        ]
    if writes.tags:
        update["tags"] = [*dict.fromkeys((*(ticket.get("tags") or ()), *writes.tags))]
    return update


def _hold(headers: Mapping[str, str]) -> timedelta | None:
    """Return for how long to leave the last calls of this minute to others."""
    try:
        left = int(headers.get("ratelimit-remaining", _CALLS_LEFT_FOR_OTHERS))
        reset_s = int(headers.get("ratelimit-reset", 0))
    except ValueError:
        return None
    wait = min(max(reset_s, 0), 60)
    return timedelta(seconds=wait) if left < _CALLS_LEFT_FOR_OTHERS and wait else None


def _member(body: Any, name: str) -> Mapping[str, Any]:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, dict):
        raise WriteFailedError(Rejected(f"the answer of Zendesk has no {name}"))
    return value
