"""Real PostgreSQL and Kafka for every test that asks: started once, used by all."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from hypothesis import settings

import devstack
from support import databases
from support.databases import Postgres

# How long an example takes is the machine's affair, and tells nothing about the code.
settings.register_profile("upstairs", deadline=None)
settings.load_profile("upstairs")


@pytest.fixture(scope="session")
def stack() -> Iterator[devstack.Stack]:
    with devstack.start(durable=False) as started:
        yield started


@pytest.fixture(scope="session")
def postgres(stack: devstack.Stack) -> Iterator[Postgres]:
    with databases.prepared(stack.postgres_admin_url) as prepared:
        yield prepared


@pytest.fixture
async def database_name(postgres: Postgres) -> AsyncIterator[str]:
    async with postgres.clone() as name:
        yield name


@pytest.fixture(autouse=True, scope="session")
def _quiet() -> None:
    """Keep what the code under test logs out of the report; processes log to their own files."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture(autouse=True)
def _logs_as_before(_quiet: None) -> Iterator[None]:
    """A command says for its process where logs go: here others come after it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
