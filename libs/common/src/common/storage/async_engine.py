"""Engines for migrations, provisioning and checks, in SQLAlchemy's own way."""

from typing import Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from common.storage.database_url import split_tls


def make_async_engine(url: str | URL, **options: Any) -> AsyncEngine:
    """Make an engine for `postgresql+asyncpg://…`."""
    plain, tls = split_tls(url)
    return create_async_engine(plain, connect_args=tls, **options)
