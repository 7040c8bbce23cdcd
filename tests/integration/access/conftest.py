"""Each service with the scenario of its access tests."""

from collections.abc import AsyncIterator

import pytest

from common.contracts.services import EVENT_SERVICES
from integration.access.scenario import Scenario, open_scenario
from support.databases import Postgres


@pytest.fixture(params=EVENT_SERVICES)
async def scenario(
    request: pytest.FixtureRequest, postgres: Postgres, database_name: str
) -> AsyncIterator[Scenario]:
    async with open_scenario(postgres, database_name, request.param) as scenario:
        yield scenario
