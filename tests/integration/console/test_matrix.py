"""Who may do what in the console: every route, each role, as the one concerned and as a stranger.

The table in matrix.py is complete: a route that needs a sign-in and has no row fails the test.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
from pydantic import ValidationError

from common.contracts.contacts import ContactReceived
from common.contracts.event import PersonId
from common.core.ids import new_id
from console.domain.session import MAX_IDLE
from console.settings import Settings
from console.views.actions import PATHS
from integration.console.harness import KEYS, PEOPLE, SAME_ORIGIN, ConsoleHarness, open_console
from integration.console.matrix import CALLERS, FORMS, MATRIX, OPEN, QUERIES, operations
from integration.console.screens_harness import Screens, open_screens
from integration.console.settings_harness import SHORTER_TIMES
from router import handlers as router_handlers
from support.access_matrix import Row
from support.databases import Postgres, rows
from support.people import described
from support.service_harness import ServiceHarness, make_dispatcher

_ROLES = {**PEOPLE, "bruno": "representative", "sam": "supervisor"}
_TEAMS = {"bruno": "back", "sam": "back"}
_WRITTEN = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM published_events) AS n"


@dataclass
class Scenario:
    """`values` are those of the parameters in the paths."""

    console: ConsoleHarness
    screens: Screens
    values: dict[str, str]
    browsers: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def browser_of(self, caller: str) -> httpx.AsyncClient:
        if caller not in self.browsers:
            self.browsers[caller] = await self.console.enter(caller)
        return self.browsers[caller]

    async def send(self, row: Row, browser: httpx.AsyncClient) -> set[str]:
        """Return the symbols of the answers: all actions of an escalation have the same row."""
        symbols = set()
        for path in self.paths_of(row):
            answer = await self.request(row, path, browser)
            symbols.add(symbol_of(answer))
        return symbols

    async def request(self, row: Row, path: str, browser: httpx.AsyncClient) -> httpx.Response:
        method = row.operation.partition(" ")[0]
        form = {
            name: value.format(**self.values)
            for name, value in FORMS.get(row.operation, {}).items()
        }
        address = path + QUERIES.get(row.operation, "")
        return await browser.request(
            method, address, data=form if method == "POST" else None, headers=SAME_ORIGIN
        )

    def paths_of(self, row: Row) -> Iterator[str]:
        path = row.operation.partition(" ")[2]
        variants = PATHS if path.startswith("/e/") and "{action}" in path else (row.variant,)
        for variant in variants:
            kind, _, action = variant.rpartition("/")
            parameters = dict.fromkeys(("action", "form_name", "answer"), action)
            parameters["kind"] = kind or action
            yield path.format(**(self.values | parameters))

    async def count_events(self) -> int:
        """Count what the services have published, and so done."""
        databases = (self.screens.service.database, self.console.router_database)
        return sum([(await rows(database, _WRITTEN))[0].n for database in databases])


@pytest.fixture
async def scenario(postgres: Postgres, database_name: str) -> AsyncIterator[Scenario]:
    async with (
        open_console(postgres, database_name, console_dev_people=_ROLES) as console,
        open_screens(console, postgres, database_name) as screens,
    ):
        await _add_people(screens)
        received = await screens.service.received()
        await _assign_to_rita(console, received)
        escalation_id = await screens.escalate(contact_id=received.contact_id)
        now = await screens.service.now()
        values = {
            "escalation_id": escalation_id,
            "contact_id": received.contact_id,
            "person": "rita",
            "schedule_id": "nights",
            "policy_id": "gold",
            "setting_id": "gold",
            "source": "channel:shop",
            "scope": "topic",
            "name": "billing",
            "place": "1",
            "medium": "email",
            "language": "de",
            **{f"{name}_id": new_id() for name in ("session", "view", "device", "change", "write")},
            "tomorrow": f"{now + timedelta(days=1):%Y-%m-%dT%H:%M}",
            "in_two_days": f"{now + timedelta(days=2):%Y-%m-%dT%H:%M}",
        }
        scenario = Scenario(console, screens, values)
        values["request_id"] = await _ask_for_swap(scenario)
        values["simulation_id"] = await _try_shorter_times(scenario)
        yield scenario


async def _add_people(screens: Screens) -> None:
    for person, role in _ROLES.items():
        team = _TEAMS.get(person, "front")
        await screens.console.put_person(person, roles=[role], team_id=team)
        await screens.service.handle_events(described(person, team_id=team, roles=[role]))
        screens.admit(person)
    await screens.console.put_person("rita", team_id="front", reports_to="mia")
    screens.console.tokens_of_router.admit(_ROLES)
    for person in ("rita", "bruno"):
        answer = await screens.console.router.put(
            f"/v1/representatives/{person}", json={"capacity": 1}, headers=KEYS("ops")
        )
        assert answer.is_success, answer.text


async def _assign_to_rita(console: ConsoleHarness, received: ContactReceived) -> None:
    answer = await console.router.put(
        "/v1/representatives/rita/presence", json={"presence": "available"}, headers=KEYS("ops")
    )
    assert answer.is_success, answer.text
    dispatcher = make_dispatcher(console.router_database, router_handlers.SUBSCRIPTIONS)
    await ServiceHarness(console.router_database, dispatcher).handle_events(received)


async def _ask_for_swap(scenario: Scenario) -> str:
    """Let sara ask mia for a swap of their turns, and return the request."""
    rotation = {"zone": "UTC", "starts_at": "2026-01-01T00:00:00Z", "shift_s": 86400}
    nights = {"rotations": [{**rotation, "members": ["sara", "mia"]}]}
    api = scenario.screens.api
    assert (await api.put("/v1/duty-schedules/nights", json=nights)).is_success
    sara = await scenario.browser_of("sara")
    times = {"from": scenario.values["tomorrow"], "until": scenario.values["in_two_days"]}
    answer = await sara.post(
        "/duty/nights/swap", data={"second": "mia", **times}, headers=SAME_ORIGIN
    )
    assert answer.status_code == 303, answer.text
    (request,) = (await api.get("/v1/duty-schedules/nights/change-requests")).json()["items"]
    return str(request["request_id"])


async def _try_shorter_times(scenario: Scenario) -> str:
    """Let mia try shorter times on the past, and return the simulation."""
    mia = await scenario.browser_of("mia")
    place = "/settings/policies/gold/try"
    answer = await mia.post(place, data=dict(SHORTER_TIMES), headers=SAME_ORIGIN)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]


def symbol_of(answer: httpx.Response) -> str:
    """Return the symbol of the table; the status, if there is none for it."""
    location = answer.headers.get("location", "")
    if answer.status_code in (401, 403) or location.startswith("/sign-in?"):
        return "-"
    if answer.status_code == 404:
        return "0"
    # Admitted, though perhaps not in this state, or by a service that is down here.
    if answer.status_code in (200, 204, 303, 409, 412, 422, 503):
        return "+"
    return f"{answer.status_code} {answer.text}"


def test_every_route_has_a_row_or_is_open() -> None:
    assert {row.operation for row in MATRIX} | OPEN.keys() == {name for name, _ in operations()}
    assert len({row.name for row in MATRIX}) == len(MATRIX)


async def test_refused_people_change_nothing(scenario: Scenario) -> None:
    before = await scenario.count_events()
    different = [
        f"{row.name} by {caller}: {symbol} is {symbols}"
        for row in MATRIX
        for caller, symbol in row.cells.items()
        if symbol != "+"
        and (symbols := await scenario.send(row, await scenario.browser_of(caller))) != {symbol}
    ]
    assert not different
    assert await scenario.count_events() == before


async def test_admitted_people_are_not_refused(scenario: Scenario) -> None:
    different = []
    for row in MATRIX:
        for caller in CALLERS:
            if row.cells[caller] == "+":
                browser = await scenario.console.enter(caller)
                if (symbols := await scenario.send(row, browser)) != {"+"}:
                    different.append(f"{row.name} by {caller}: {symbols}")
    assert not different


async def test_whoever_is_not_signed_in_is_refused(scenario: Scenario) -> None:
    """Also with the key of an admin, a session that has ended, or the cookie of one."""
    console = scenario.console
    ended = await console.enter("mia")
    stolen = await console.browser(Cookie=f"upstairs={ended.cookies['upstairs']}")
    await ended.post("/sign-out", headers=SAME_ORIGIN)
    idle = await console.enter("mia")
    console.wait(MAX_IDLE)
    browsers = {
        "nobody": await console.browser(),
        "admin's key": await console.browser(**KEYS("ops")),
        "stolen cookie": stolen,
        "idle session": idle,
    }
    before = await scenario.count_events()
    different = [
        f"{row.name} by {name}: {symbols}"
        for row in MATRIX
        for name, browser in browsers.items()
        if (symbols := await scenario.send(row, browser)) != {"-"}
    ]
    assert not different
    assert await scenario.count_events() == before


@pytest.mark.parametrize("name", ["console_dev_people", "oidc_roles"])
def test_nobody_signs_in_as_admin(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: {PersonId("ops"): "admin"}})
