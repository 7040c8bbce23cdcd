"""People who sign in at the provider, and what it may forge."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx

from integration.console.harness import URL, ConsoleHarness, open_console
from integration.console.provider import CLIENT_ID, Document, Provider
from support.databases import Postgres

Change = Callable[[Document], Document]
ROLES: Final = {"leads": "supervisor", "heads": "manager", "agents": "representative"}


def open_with(provider: Provider, postgres: Postgres, database_name: str, **changes: Any) -> Any:
    settings = {
        "oidc_issuer": provider.url,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": "the secret of the client",
        "oidc_roles": ROLES,
        "cookie_secret": "signs the cookies of sign-ins in these tests",
        "console_dev_login": False,
        "console_dev_people": {},
        "help_contact": "it@example.com",
    }
    return open_console(postgres, database_name, **{**settings, **changes})


@dataclass
class Visit:
    """A browser that has been sent to the provider, and where from there."""

    browser: httpx.AsyncClient
    address: str
    back: str

    def forge(self, **changes: str | None) -> None:
        """Change what the answer of the provider says; None leaves it out."""
        url = httpx.URL(self.back)
        said = {**url.params, **changes}
        kept = {name: value for name, value in said.items() if value is not None}
        self.back = str(url.copy_with(params=kept))

    async def come_back(self) -> httpx.Response:
        return await self.browser.get(self.back)


async def visit(
    console: ConsoleHarness, provider: Provider, person: str = "sara", path: str = "/sessions"
) -> Visit:
    browser = await console.browser()
    answer = await browser.get(f"/sign-in?next={path}")
    assert answer.status_code == 302, answer.text
    address = answer.headers["location"]
    back = await provider.press(address, person)
    assert back.startswith(f"{URL}/sign-in/return?")
    return Visit(browser, address, back)


async def sign_in(
    console: ConsoleHarness, provider: Provider, person: str = "sara"
) -> tuple[httpx.AsyncClient, httpx.Response]:
    begun = await visit(console, provider, person)
    return begun.browser, await begun.come_back()


async def refused(
    console: ConsoleHarness, provider: Provider, status: int, text: str, person: str = "sara"
) -> httpx.Response:
    """Sign in; expect a readable page and no session."""
    browser, page = await sign_in(console, provider, person)
    assert page.status_code == status, page.text
    assert text in page.text
    assert (await browser.get("/sessions")).status_code == 303
    return page


def without(claim: str) -> Change:
    return lambda claims: {name: value for name, value in claims.items() if name != claim}


def changed(**changes: object) -> Change:
    return lambda claims: {**claims, **changes}
