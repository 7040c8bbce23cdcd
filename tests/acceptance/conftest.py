"""The four services as processes, once for all stories."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import devstack
from stage.cast import Cast
from stage.stories import Stage
from stage.system import System, outside
from stage.watch import watching


@pytest.fixture(scope="session")
async def stage(
    stack: devstack.Stack, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    cast = Cast()
    logs: Path = tmp_path_factory.mktemp("logs")
    async with outside() as receivers:
        system = System(stack, receivers, cast.api_keys, logs)
        await system.set_up()
        try:
            system.launch()
            await system.wait_ready()
            cast.enter(system)
            await cast.set_the_rules()
            async with watching(stack.kafka_bootstrap, system.namespace) as watch:
                yield Stage(system, cast, watch, lambda *_: None)
        finally:
            await cast.leave()
            system.stop()
