"""The console for each test."""

from collections.abc import AsyncIterator

import pytest

from integration.console.harness import ConsoleHarness, open_console
from support.databases import Postgres


@pytest.fixture
async def console(postgres: Postgres, database_name: str) -> AsyncIterator[ConsoleHarness]:
    async with open_console(postgres, database_name) as harness:
        yield harness
