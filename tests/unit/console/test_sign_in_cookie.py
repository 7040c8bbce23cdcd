"""The cookie of a sign-in that is under way outlasts a change of the secret."""

from collections.abc import Sequence
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from console.auth.cookies import SignInCookie

OLD: Final = "o" * 40
NEW: Final = "n" * 40


async def begin(request: Request) -> PlainTextResponse:
    request.session["state"] = "begun"
    return PlainTextResponse("")


async def finish(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.session.get("state", "nothing"))


async def go(secrets: Sequence[str], path: str, cookies: httpx.Cookies) -> httpx.Response:
    app = Starlette(routes=[Route("/begin", begin), Route("/finish", finish)])
    transport = httpx.ASGITransport(SignInCookie(app, secrets, session_cookie="sign-in"))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://console", cookies=cookies
    ) as browser:
        return await browser.get(path)


async def test_sign_in_goes_on_after_a_new_secret_is_put_first() -> None:
    begun = (await go([OLD], "/begin", httpx.Cookies())).cookies
    assert (await go([NEW, OLD], "/finish", begun)).text == "begun"
    assert (await go([NEW], "/finish", begun)).text == "nothing"


async def test_first_secret_signs() -> None:
    begun = (await go([NEW, OLD], "/begin", httpx.Cookies())).cookies
    assert (await go([NEW], "/finish", begun)).text == "begun"
