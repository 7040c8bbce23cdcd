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
        running_system(stack, tmp_path_factory.mktemp("logs")) as (system, cast),
        open_event_log(stack.kafka_bootstrap, system.namespace) as watch,
    ):
        yield Scenario(system, cast, watch, lambda *_: None)
        for service in system.ports:
            left = await cast.call("ops", service, "GET", "/dead-letters")
            assert left["items"] == [], f"{service} could not handle what was told"
