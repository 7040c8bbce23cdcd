"""The console for each test, and a provider for those who sign in there."""

from collections.abc import AsyncIterator

import httpx
import pytest

from integration.console.harness import ConsoleHarness, open_console
from integration.console.live_harness import Live, StreamedEscalation, open_live
from integration.console.provider import Forgery, Provider, open_provider
from integration.console.screens_harness import Screens, open_screens
from integration.console.settings_harness import SETTINGS, Manager
from integration.console.systems_harness import Systems, open_systems
from integration.console.visits import open_with
from support.databases import Postgres


@pytest.fixture
async def console(postgres: Postgres, database_name: str) -> AsyncIterator[ConsoleHarness]:
    async with open_console(postgres, database_name) as harness:
        yield harness


@pytest.fixture
async def screens(
    console: ConsoleHarness, postgres: Postgres, database_name: str
) -> AsyncIterator[Screens]:
    async with open_screens(console, postgres, database_name) as screens:
        yield screens


@pytest.fixture
def stream(screens: Screens) -> StreamedEscalation:
    """The real escalation, whose stream the tests write."""
    return StreamedEscalation(httpx.ASGITransport(screens.app, raise_app_exceptions=False))


@pytest.fixture
async def live(screens: Screens, stream: StreamedEscalation) -> AsyncIterator[Live]:
    async with open_live(screens, stream) as live:
        yield live


@pytest.fixture(scope="session")
async def shared_provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Provider]:
    async with open_provider(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
async def provider(shared_provider: Provider) -> Provider:
    shared_provider.forgery = Forgery()
    shared_provider.is_down = False
    shared_provider.token_requests.clear()
    await shared_provider.set_user("sara", groups=["leads", "tennis"])
    return shared_provider


@pytest.fixture
async def provider_console(
    provider: Provider, postgres: Postgres, database_name: str
) -> AsyncIterator[ConsoleHarness]:
    """The console with this provider, and without the sign-in for development."""
    async with open_with(provider, postgres, database_name) as harness:
        yield harness


@pytest.fixture
async def mia(screens: Screens) -> Manager:
    screens.admit("mia")
    for path, body in SETTINGS.items():
        answer = await screens.api.put(f"/v1/{path}", json=body)
        assert answer.is_success, answer.text
    return Manager(await screens.console.enter("mia"))


@pytest.fixture
async def systems(
    console: ConsoleHarness, postgres: Postgres, database_name: str
) -> AsyncIterator[Systems]:
    async with open_systems(console, postgres, database_name) as systems:
        yield systems
