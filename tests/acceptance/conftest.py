"""The four services as processes, once for all stories."""

from collections.abc import AsyncIterator

import pytest

import devstack
from stage.actors import running_system
from stage.event_log import open_event_log
from stage.stories import Scenario


@pytest.fixture(scope="session")
async def stage(
    stack: devstack.Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scenario]:
    async with (
        running_system(stack, tmp_path_factory.mktemp("logs")) as (system, actors),
        open_event_log(system) as event_log,
    ):
        yield Scenario(system, actors, event_log, lambda *_: None)
        for service in system.ports:
            page = await actors.call("ops", service, "GET", "/dead-letters")
            assert page["items"] == [], f"{service} has dead letters"
