"""A token server of OAuth 2.0, at the addresses of Microsoft Entra and of Google."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from support.loopback_server import LoopbackServer

TENANT, CLIENT_ID = "acme.onmicrosoft.example", "upstairs-app"


class TokenServer(LoopbackServer):
    """Gives `token-1`, `token-2` … to forms that have one of `secrets`; `answer` replaces that."""

    def __init__(self, *secrets: str, life_s: int = 3600) -> None:
        self.secrets = set(secrets)
        self.life_s = life_s
        self.forms: list[Mapping[str, Any]] = []
        self.answer: tuple[int, bytes, Mapping[str, str]] | None = None
        app = web.Application()
        app.router.add_post(f"/{TENANT}/oauth2/v2.0/token", self._give)
        app.router.add_post("/token", self._give)
        super().__init__(app)

    async def _give(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        if self.answer is not None:
            status, body, headers = self.answer
            return web.Response(status=status, body=body, headers=headers)
        if form.get("refresh_token", form["client_secret"]) not in self.secrets:
            described = f"AADSTS7000215: wrong: {form['client_secret']}"
            content = {"error": "invalid_client", "error_description": described}
            return web.json_response(content, status=401)
        token = f"token-{len(self.forms)}"
        return web.json_response({"access_token": token, "expires_in": self.life_s})
