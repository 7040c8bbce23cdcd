"""Stand-ins of helpdesks and CRMs: HTTP servers that check what the real ones check."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from aiohttp import web

from common.core.clock import TimeSource
from common.core.ids import new_id
from support.loopback_server import LoopbackServer

ZENDESK_EMAIL, ZENDESK_TOKEN = "upstairs@acme.example", "a-token-of-zendesk-0123456789"
ZENDESK_USER = "900"
CLIENT_ID, CLIENT_SECRET = "upstairs-app", "a-client-secret-of-tests"
TENANT = "acme.onmicrosoft.example"
SALESFORCE_USER = "0055g000001AbCdAAK"
DYNAMICS_USER = "5f1c9e52-40d1-4f3b-8a55-c1f0e2d3b4a5"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_BASE = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class StandIn(LoopbackServer):
    """`answers` are given to the next calls that change something.

    With `answers_late` an answer comes after the change is done; else nothing is changed.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.answers_late = False
        self.knows_us = True
        self._answering = asyncio.Event()
        self._answering.set()
        app = web.Application(middlewares=[self._observe])
        self.add_routes(app.router)
        super().__init__(app)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        raise NotImplementedError

    @asynccontextmanager
    async def hanging(self) -> AsyncIterator[None]:
        """Answer nothing while the block runs."""
        self._answering.clear()
        try:
            yield
        finally:
            self._answering.set()

    def changes(self) -> list[Call]:
        return [call for call in self.calls if self.is_change(call)]

    def is_change(self, call: Call) -> bool:
        return call.method != "GET" and "token" not in call.path

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        raw = await request.read()
        is_json = request.content_type == "application/json"
        body = orjson.loads(raw) if raw and is_json else dict(await request.post())
        call = Call(request.method, request.path_qs, request.headers, body)
        self.calls.append(call)
        await self._answering.wait()
        if not self.is_change(call) or not self.answers:
            return await handler(request)
        status, headers = self.answers.pop(0)
        if self.answers_late:
            await handler(request)
        return web.json_response({"error": "as the test wants"}, status=status, headers=headers)


@dataclass
class Ticket:
    priority: str | None = "normal"
    status: str = "open"
    tags: list[str] = field(default_factory=list)
    custom_fields: dict[int, Any] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    changes: int = 0

    @property
    def updated_at(self) -> str:
        return (_BASE + timedelta(seconds=self.changes)).strftime("%Y-%m-%dT%H:%M:%SZ")


class ZendeskStandIn(StandIn):
    """`webhooks` are what it would post to intake after our changes."""

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, Ticket] = {}
        self.webhooks: list[bytes] = []
        self.limits: dict[str, str] = {}
        # What somebody else does between our reading and our writing.
        self.before_update: Callable[[Ticket], None] = lambda _: None

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/api/v2/users/me.json", self._show_user)
        router.add_get(r"/api/v2/tickets/{id:\d+}.json", self._show)
        router.add_put(r"/api/v2/tickets/{id:\d+}.json", self._update)
        router.add_get(r"/api/v2/tickets/{id:\d+}/comments.json", self._comments)

    def _require_us(self, request: web.Request) -> None:
        pair = f"{ZENDESK_EMAIL}/token:{ZENDESK_TOKEN}".encode()
        expected = f"Basic {base64.b64encode(pair).decode()}"
        if not self.knows_us or request.headers.get("Authorization") != expected:
            raise web.HTTPUnauthorized(
                text='{"error": "Couldn\'t authenticate you"}', content_type="application/json"
            )

    def _ticket(self, request: web.Request) -> Ticket:
        self._require_us(request)
        ticket = self.tickets.get(request.match_info["id"])
        if ticket is None:
            raise web.HTTPNotFound(
                text='{"error": "RecordNotFound"}', content_type="application/json"
            )
        return ticket

    async def _show_user(self, request: web.Request) -> web.Response:
        self._require_us(request)
        return web.json_response({"user": {"id": int(ZENDESK_USER), "name": "Upstairs"}})

    async def _show(self, request: web.Request) -> web.StreamResponse:
        ticket = self._ticket(request)
        shown = {
            "id": int(request.match_info["id"]),
            "status": ticket.status,
            "priority": ticket.priority,
            "tags": ticket.tags,
            "updated_at": ticket.updated_at,
        }
        return web.json_response({"ticket": shown})

    async def _comments(self, request: web.Request) -> web.Response:
        comments = self._ticket(request).comments
        return web.json_response({"comments": comments[::-1]})

    async def _update(self, request: web.Request) -> web.Response:
        ticket = self._ticket(request)
        update = orjson.loads(await request.read())["ticket"]
        self.before_update(ticket)
        if update.get("safe_update") and update["updated_stamp"] != ticket.updated_at:
            return web.json_response({"error": "UpdateConflict"}, status=409)
        ref = request.match_info["id"]
        if "comment" in update:
            comment = {"id": len(ticket.comments) + 1, **update["comment"]}
            ticket.comments.append(comment)
            self._tell(ref, ticket, "comment_added", comment=_as_webhook(comment))
        if update.get("priority", ticket.priority) != ticket.priority:
            previous, ticket.priority = ticket.priority, update["priority"]
            values = {"current": str(ticket.priority).upper(), "previous": previous}
            self._tell(ref, ticket, "priority_changed", **values)
        if "tags" in update:
            ticket.tags = update["tags"]
            self._tell(ref, ticket, "tags_changed", tags_added=ticket.tags)
        for each in update.get("custom_fields", ()):
            ticket.custom_fields[each["id"]] = each["value"]
        ticket.changes += 1
        return web.json_response({"ticket": {}}, headers=self.limits)

    def _tell(self, ref: str, ticket: Ticket, kind: str, **event: Any) -> None:
        body = {
            "id": new_id(),
            "type": f"zen:event-type:ticket.{kind}",
            "time": TimeSource().utc_now().isoformat(),
            "subject": f"zen:ticket:{ref}",
            "zendesk_event_version": "2022-11-06",
            "detail": {
                "id": ref,
                "actor_id": ZENDESK_USER,
                "requester_id": "11",
                "assignee_id": "12",
                "status": ticket.status.upper(),
                "priority": str(ticket.priority).upper(),
                "tags": ticket.tags,
                "updated_at": ticket.updated_at,
            },
            "event": event,
        }
        self.webhooks.append(orjson.dumps(body))


def _as_webhook(comment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": str(comment["id"]),
        "body": comment["body"],
        "is_public": comment["public"],
        "author": {"id": ZENDESK_USER, "is_staff": True},
    }


class TokenIssuer(StandIn):
    """A stand-in that gives access tokens for the client credentials flow.

    It takes them while `takes_tokens`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[str] = []
        self.takes_tokens = True

    def issue(self, form: Mapping[str, Any], **more: str) -> web.Response:
        expected = {
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            **more,
        }
        if not self.knows_us or dict(form) != expected:
            return web.json_response({"error": "invalid_client"}, status=400)
        self.tokens.append(new_id())
        return web.json_response({"access_token": self.tokens[-1], "token_type": "Bearer"})

    def require_token(self, request: web.Request) -> None:
        expected = f"Bearer {self.tokens[-1]}" if self.tokens else None
        if not self.takes_tokens or request.headers.get("Authorization") != expected:
            raise web.HTTPUnauthorized(
                text='[{"errorCode": "INVALID_SESSION_ID"}]', content_type="application/json"
            )

    def end_sessions(self) -> None:
        self.tokens.append("another")


class SalesforceStandIn(TokenIssuer):
    def __init__(self) -> None:
        super().__init__()
        self.cases: dict[str, dict[str, Any]] = {}
        self.comments: list[dict[str, Any]] = []

    def add_routes(self, router: web.UrlDispatcher) -> None:
        data = "/services/data/v60.0"
        router.add_post("/services/oauth2/token", self._issue)
        router.add_get("/services/oauth2/userinfo", self._show_user)
        router.add_patch(f"{data}/sobjects/Case/{{id}}", self._update)
        router.add_get(f"{data}/sobjects/Case/{{id}}/CaseComments", self._list_comments)
        router.add_post(f"{data}/sobjects/CaseComment", self._add_comment)

    async def _issue(self, request: web.Request) -> web.Response:
        return self.issue({name: str(value) for name, value in (await request.post()).items()})

    async def _show_user(self, request: web.Request) -> web.Response:
        self.require_token(request)
        return web.json_response({"user_id": SALESFORCE_USER, "name": "Integration User"})

    async def _update(self, request: web.Request) -> web.Response:
        self.require_token(request)
        case = self.cases.get(request.match_info["id"])
        if case is None:
            return web.json_response([{"errorCode": "NOT_FOUND", "message": "gone"}], status=404)
        case.update(orjson.loads(await request.read()))
        return web.Response(status=204)

    async def _list_comments(self, request: web.Request) -> web.Response:
        self.require_token(request)
        ref = request.match_info["id"]
        own = [comment for comment in self.comments if comment["ParentId"] == ref]
        return web.json_response({"totalSize": len(own), "done": True, "records": own})

    async def _add_comment(self, request: web.Request) -> web.Response:
        self.require_token(request)
        comment = orjson.loads(await request.read())
        if comment["ParentId"] not in self.cases:
            return web.json_response([{"errorCode": "INVALID_CROSS_REFERENCE_KEY"}], status=400)
        self.comments.append(comment)
        return web.json_response({"id": "00a5g000001AbCdAAK", "success": True}, status=201)


class DynamicsStandIn(TokenIssuer):
    """It issues the tokens too, as Microsoft Entra does at another address."""

    def __init__(self) -> None:
        super().__init__()
        self.incidents: dict[str, dict[str, Any]] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        # Without it the tokens are for any environment.
        self.checks_scope = True

    def add_routes(self, router: web.UrlDispatcher) -> None:
        data = "/api/data/v9.2"
        router.add_post(f"/{TENANT}/oauth2/v2.0/token", self._issue)
        router.add_get(f"{data}/WhoAmI", self._show_user)
        router.add_get(rf"{data}/incidents({{id:[0-9a-f-]+}})", self._show)
        router.add_patch(rf"{data}/incidents({{id:[0-9a-f-]+}})", self._update)
        router.add_patch(rf"{data}/annotations({{id:[0-9a-f-]+}})", self._add_note)

    async def _issue(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        scope = f"{self.url}/.default" if self.checks_scope else form["scope"]
        return self.issue(form, scope=scope)

    async def _show_user(self, request: web.Request) -> web.Response:
        self.require_token(request)
        return web.json_response({"UserId": DYNAMICS_USER.upper()})

    async def _show(self, request: web.Request) -> web.Response:
        self.require_token(request)
        assert "FormattedValue" in request.headers["Prefer"]
        ref = request.match_info["id"]
        if ref not in self.incidents:
            return web.json_response({"error": {"code": "0x80040217"}}, status=404)
        return web.json_response({"incidentid": ref, **self.incidents[ref]})

    async def _update(self, request: web.Request) -> web.Response:
        self.require_token(request)
        assert request.query["tag"] == "upstairs"
        ref = request.match_info["id"]
        if ref not in self.incidents:
            # As in the real one: without the header it would make a case.
            if request.headers.get("If-Match") != "*":
                self.incidents[ref] = {}
            return web.json_response({"error": {"code": "0x80040217"}}, status=404)
        self.incidents[ref].update(orjson.loads(await request.read()))
        return web.Response(status=204)

    async def _add_note(self, request: web.Request) -> web.Response:
        self.require_token(request)
        note, note_id = orjson.loads(await request.read()), request.match_info["id"]
        if note_id in self.notes and request.headers.get("If-None-Match") == "*":
            return web.json_response({"error": {"code": "0x80060891"}}, status=412)
        match = re.fullmatch(r"/incidents\((.+)\)", note["objectid_incident@odata.bind"])
        assert match
        if match[1] not in self.incidents:
            return web.json_response({"error": {"code": "0x80040217"}}, status=404)
        self.notes[note_id] = note
        return web.Response(status=204)
