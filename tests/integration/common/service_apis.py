"""The HTTP API of each service in this process, and its OpenAPI document."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import httpx

from support.databases import Postgres, open_database
from support.service_harness import ENCRYPTION_KEY, Keys, open_client

SLACK_SECRET = "a Slack secret of the hostile tests"
_KEYS = Keys(root="admin:root:root-key-of-the-hostile-tests")
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "intake": {"encryption_keys": ENCRYPTION_KEY},
    "notifier": {
        "link_secret": "a link secret of the hostile tests",
        "slack_token": "xoxb-test",
        "slack_signing_secret": SLACK_SECRET,
        "slack_api_url": "http://127.0.0.1:9",
        "smtp_host": "127.0.0.1",
        "smtp_port": 9,
        "smtp_tls": "none",
    },
    "escalation": {"feed_secret": "a feed secret of the hostile tests"},
}


@asynccontextmanager
async def open_api(postgres: Postgres, name: str, service: str) -> AsyncIterator[httpx.AsyncClient]:
    main, settings = import_module(f"{service}.main"), import_module(f"{service}.settings")
    spec = main.build(_settings(settings.Settings, service))
    async with (
        open_database(postgres, name, service, spec.unit_of_work) as database,
        open_client(
            main.build, settings.Settings, database, _KEYS, **SETTINGS.get(service, {})
        ) as api,
    ):
        api.headers.update(_KEYS("root"))
        yield api


def _settings(kind: Any, service: str) -> Any:
    return kind.model_validate(
        {
            "database_url": "postgresql+asyncpg://unused@localhost/unused",
            "kafka_bootstrap": "unused",
            **SETTINGS.get(service, {}),
        }
    )
