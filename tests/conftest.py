"""Real PostgreSQL and Kafka for every test that asks: started once, used by all workers."""

import logging
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
import structlog
from hypothesis import settings

import devstack
from common.core.logs import CONSOLE
from stage import browsers
from support import shared_stack
from support.databases import Postgres
from support.progress import Progress, Report
from support.shared_stack import SharedStack

# How long an example takes depends on the machine, and says nothing about the code.
settings.register_profile("upstairs", deadline=None)
settings.load_profile("upstairs")

_ADDRESS = pytest.StashKey[str]()
_COUNTED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[_ADDRESS] = worker_input["shared_stack"]
        return
    shared = SharedStack(Progress(config).report)
    config.add_cleanup(shared.close)
    config.stash[_ADDRESS] = shared.address


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["shared_stack"] = node.config.stash[_ADDRESS]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """More than there are cores: many tests mostly wait for a timer or a server."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: Sequence[str]) -> None:
    """The first worker that has collected tells how many tests there are; all have the same."""
    config = node.config
    if not config.stash.get(_COUNTED, False):
        config.stash[_COUNTED] = True
        workers = node.workerinput["workercount"]
        Progress(config).report(f"{len(ids)} tests on {workers} workers")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end that browser tests were skipped: nobody reads a count of skips."""
    skipped = terminalreporter.stats.get("skipped", ())
    if any(browsers.MISSING in str(report.longrepr) for report in skipped):
        line = f"Browser tests were skipped: {browsers.MISSING}."
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> devstack.Stack:
    return shared_stack.request(pytestconfig.stash[_ADDRESS])


@pytest.fixture(scope="session")
def postgres(stack: devstack.Stack) -> Postgres:
    return Postgres(stack.postgres_admin_url)


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Report:
    """Print a line at once, for tests that take minutes."""
    return Progress(pytestconfig).report


@pytest.fixture
async def database_name(postgres: Postgres) -> AsyncIterator[str]:
    async with postgres.clone() as name:
        yield name


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> None:
    """Keep what the code under test logs out of the report; processes log to their own files."""
    structlog.configure(
        processors=[*structlog.get_config()["processors"][:-1], CONSOLE],
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
    )


@pytest.fixture(autouse=True)
def _logs_as_before(_quiet: None) -> Iterator[None]:
    """Commands configure logging for their process; later tests need it as it was."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
