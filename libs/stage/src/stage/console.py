"""The console beside the services, with a sign-in for development."""

import asyncio
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson

from common.messaging.signatures import SigningKey
from devstack import free_port
from stage.sample_settings import ROLES

SERVICE: Final = "console"
_AUDIENCE: Final = "upstairs"
_PERSON_ROLES: Final = ("representative", "supervisor", "manager")
# One of each role, as whom somebody may look around first.
FIRST_VISITORS: Final = ("rita", "sara", "marco")
_ADMISSION_S: Final = 120
_BROWSER_HEADERS: Final = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "en"}


class LinkError(Exception):
    """The console made no links that sign in."""


@dataclass(frozen=True)
class WebConsole:
    """Where it listens, and the key of its tokens."""

    port: int = field(default_factory=free_port)
    operations_port: int = field(default_factory=free_port)
    key: SigningKey = field(default_factory=SigningKey.generate, repr=False)
    # Who may enter without a link too.
    roles: Mapping[str, str] = field(default_factory=lambda: ROLES)
    # For whom of them a program acts.
    simulated: Collection[str] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_issuer(self) -> Mapping[str, Any]:
        """As the settings of the services describe it."""
        return {
            "issuer": self.url,
            "audience": _AUDIENCE,
            "jwks_url": f"{self.url}/jwks.json",
            "roles": {role: role for role in _PERSON_ROLES},
        }

    def environment(self, database_url: str, service_urls: Mapping[str, str]) -> dict[str, str]:
        people = {person: role for person, role in self.roles.items() if role in _PERSON_ROLES}
        simulated = sorted(people.keys() & set(self.simulated))
        return {
            "UPSTAIRS_DATABASE_URL": database_url,
            "UPSTAIRS_HTTP_PORT": str(self.port),
            "UPSTAIRS_HTTP_CONNECTIONS_PER_CLIENT": "800",
            "UPSTAIRS_OPERATIONS_PORT": str(self.operations_port),
            "UPSTAIRS_PUBLIC_URL": self.url,
            "UPSTAIRS_TOKEN_KEYS": self.key.seed,
            "UPSTAIRS_TOKEN_AUDIENCE": _AUDIENCE,
            "UPSTAIRS_CONSOLE_DEV_LOGIN": "true",
            "UPSTAIRS_CONSOLE_DEV_PEOPLE": orjson.dumps(people).decode(),
            "UPSTAIRS_CONSOLE_DEV_SIMULATED": orjson.dumps(simulated).decode(),
            # The password of the roles is published.
            "UPSTAIRS_TRIAL": "true",
            "UPSTAIRS_INTAKE_PUBLIC_URL": service_urls["intake"],
            **{f"UPSTAIRS_{name.upper()}_URL": url for name, url in service_urls.items()},
        }


async def make_links(environment: Mapping[str, str]) -> dict[str, str]:
    """Return a link for each first visitor that signs in once; raises LinkError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        SERVICE,
        "sign-in-links",
        *(f"{person}:{ROLES[person]}" for person in FIRST_VISITORS),
        env={**environment, "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode:
        raise LinkError(errors.decode())
    return dict(zip(FIRST_VISITORS, output.decode().split(), strict=True))


def open_client(url: str, timeout_s: float) -> httpx.AsyncClient:
    """Make a client that reads and sends pages as a browser does."""
    return httpx.AsyncClient(
        base_url=url,
        headers=_BROWSER_HEADERS,
        follow_redirects=True,
        trust_env=False,
        timeout=timeout_s,
    )


async def sign_in(client: httpx.AsyncClient, person: str) -> httpx.Response:
    """Sign in by the sign-in for development; the answer is the first page, or why not."""
    return await client.post("/enter", data={"person": person})


async def wait_until_admitted(url: str, people: Iterable[str]) -> None:
    """Wait until each person gets the first page: every service learns by event who they are."""
    async with asyncio.timeout(_ADMISSION_S), open_client(url, _ADMISSION_S) as client:
        for person in people:
            while True:
                if (await sign_in(client, person)).is_success:
                    break
                await asyncio.sleep(0.1)
