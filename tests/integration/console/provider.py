"""`oidc-provider-mock` as a process, behind a proxy that forges what a test asks for."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import httpx
import orjson
from joserfc import jwt
from joserfc.jwk import Key, KeySet, OctKey, RSAKey
from joserfc.jws import extract_compact
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common.core.metrics import Metrics
from common.http.server import HttpServer
from devstack import Process, free_port
from support.probe import run_workers
from support.waiting import until

CLIENT_ID: Final = "console"
_DISCOVERY: Final = "/.well-known/openid-configuration"
_PASSED_ON: Final = ("host", "content-type", "authorization", "accept")

Document = dict[str, Any]


def unchanged(document: Document) -> Document:
    return document


@dataclass
class Forgery:
    """What the proxy changes. It signs all ID tokens again, by `key`, and publishes its own key."""

    claims: Callable[[Document], Document] = unchanged
    metadata: Callable[[Document], Document] = unchanged
    algorithm: str = "RS256"
    key: Key | None = None


@dataclass
class Provider:
    url: str
    mock_url: str
    forgery: Forgery = field(default_factory=Forgery)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "mock"}))
    is_down: bool = False
    # What the console has sent for each token.
    token_requests: list[dict[str, str]] = field(default_factory=list)

    async def set_user(self, person: str, **claims: Any) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.put(f"{self.mock_url}/users/{person}", json=claims)
        assert answer.status_code == 204, answer.text

    async def revoke_tokens(self, person: str) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(f"{self.mock_url}/users/{person}/revoke-tokens")
        assert answer.status_code == 204, answer.text

    async def press(self, address: str, person: str, action: str = "") -> str:
        """Press a button on the provider's page; return where it sends the browser."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(address, data={"sub": person, "action": action})
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    async def answer(self, request: Request) -> Response:
        if self.is_down:
            return Response(status_code=503)
        answer = await self._forward(request)
        match request.url.path:
            case "/oauth2/token" if answer.is_success:
                return JSONResponse(self._sign_again(answer.json()))
            case path if path == _DISCOVERY:
                return JSONResponse(self.forgery.metadata(answer.json()))
            case "/jwks":
                return JSONResponse(KeySet([self.key]).as_dict(private=False))
            case _:
                kind, location = answer.headers["content-type"], answer.headers.get("location")
                headers = {"content-type": kind, **({"location": location} if location else {})}
                return Response(answer.content, answer.status_code, headers)

    async def _forward(self, request: Request) -> httpx.Response:
        body = await request.body()
        if request.url.path == "/oauth2/token":
            self.token_requests.append(dict(parse_qsl(body.decode())))
        # With our Host, so that the provider takes our address for its own.
        headers = {name: value for name, value in request.headers.items() if name in _PASSED_ON}
        url = f"{self.mock_url}{request.url.path}?{request.url.query}"
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.request(request.method, url, content=body, headers=headers)

    def _sign_again(self, answer: Document) -> Document:
        claims = orjson.loads(extract_compact(answer["id_token"].encode()).payload or b"{}")
        key, algorithms = self.forgery.key or self.key, [self.forgery.algorithm]
        header = {"alg": self.forgery.algorithm, "kid": self.key.kid}
        token = jwt.encode(header, self.forgery.claims(claims), key, algorithms=algorithms)
        return {**answer, "id_token": token}


def symmetric_key() -> OctKey:
    return OctKey.import_key("a client secret that both know, and others too")


@asynccontextmanager
async def open_provider(logs: Path) -> AsyncIterator[Provider]:
    mock_port, port = free_port(), free_port()
    mock_url = f"http://127.0.0.1:{mock_port}"
    process = Process(
        name="provider",
        argv=(sys.executable, "-m", "oidc_provider_mock", "--port", str(mock_port)),
        env={"PATH": os.environ["PATH"], "AUTHLIB_INSECURE_TRANSPORT": "1"},
        log_path=logs / "provider.log",
        ready_url=f"{mock_url}{_DISCOVERY}",
    )
    process.start()
    provider = Provider(f"http://127.0.0.1:{port}", mock_url)
    app = Starlette(routes=[Route("/{path:path}", provider.answer, methods=["GET", "POST"])])
    server = HttpServer(app, "127.0.0.1", port, Metrics())
    try:
        await process.wait_ready()
        async with run_workers(server):
            await until(lambda: server.started)
            yield provider
    finally:
        process.stop()
