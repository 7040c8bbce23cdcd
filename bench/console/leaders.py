"""The people who look: managers see all escalations, supervisors those of their teams."""

from collections.abc import Iterable
from typing import Final

import httpx

from bench.testbed import Testbed
from bench.traffic import TEAMS, team
from bench.waiting import WaitTimeoutError
from common.core.clock import monotonic
from stage.actors import Actors
from stage.console import WebConsole

LEADERS: Final = 200
# One of five is a manager.
_MANAGER_EVERY: Final = 5
# Acts on the escalations at which the others look.
ACTOR: Final = "marco"
_ADMITTED_WITHIN_S: Final = 60


def leader(number: int) -> str:
    return f"leader-{number}"


def role_of(number: int) -> str:
    return "supervisor" if number % _MANAGER_EVERY else "manager"


def make_console() -> WebConsole:
    """Return a console in which all leaders may sign in."""
    return WebConsole(roles={leader(number): role_of(number) for number in range(LEADERS)})


async def put_leaders(actors: Actors) -> None:
    for number in range(LEADERS):
        body = {
            "name": f"Leader {number}",
            "roles": [role_of(number)],
            "team_id": team(number % TEAMS),
        }
        await actors.call("ops", "router", "PUT", f"/people/{leader(number)}", body)
    body = {"name": "Marco Mendes", "roles": ["manager"]}
    await actors.call("ops", "router", "PUT", f"/people/{ACTOR}", body)


async def sign_in(testbed: Testbed, people: Iterable[str]) -> list[str]:
    """Return the cookie of a session for each person, once all services have heard of them."""
    return [await _sign_in(testbed.console.url, person) for person in people]


async def _sign_in(url: str, person: str) -> str:
    deadline = monotonic() + _ADMITTED_WITHIN_S
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as browser:
        while monotonic() < deadline:
            await browser.post("/enter", data={"person": person}, timeout=_ADMITTED_WITHIN_S)
            if (await browser.get("/now", timeout=_ADMITTED_WITHIN_S)).is_success:
                return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    message = f"the console does not let {person} in"
    raise WaitTimeoutError(message)
