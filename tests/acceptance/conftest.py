"""The four services as processes, once for all stories."""

from collections.abc import AsyncIterator

import pytest

import devstack
from stage.actors import staged
from stage.event_log import watching
from stage.stories import Stage


@pytest.fixture(scope="session")
async def stage(
    stack: devstack.Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with (
        staged(stack, tmp_path_factory.mktemp("logs")) as (system, cast),
        watching(stack.kafka_bootstrap, system.namespace) as watch,
    ):
        yield Stage(system, cast, watch, lambda *_: None)
        for service in system.ports:
            left = await cast.call("ops", service, "GET", "/dead-letters")
            assert left["dead_letters"] == [], f"{service} could not handle what was told"
