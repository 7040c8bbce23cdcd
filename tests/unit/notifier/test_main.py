from typing import Any

import pytest

from common.core.health import Health
from common.core.metrics import Metrics
from common.service.cli import openapi
from notifier.main import MissingSecretError, build
from notifier.settings import Settings


def test_openapi_needs_no_secret() -> None:
    paths = openapi(Settings, build)["paths"]
    assert set(paths) >= {
        "/v1/recipients",
        "/v1/recipients/{person_id}",
        "/v1/notifications",
        "/v1/acknowledgements/{token}",
        "/v1/callbacks/slack",
    }


def test_service_does_not_start_without_a_link_secret() -> None:
    unused: Any = None
    settings = Settings(
        database_url="postgresql+asyncpg://unused@localhost/unused", kafka_bootstrap="unused"
    )
    with pytest.raises(MissingSecretError, match="UPSTAIRS_LINK_SECRET"):
        build(settings).workers(unused, Metrics(), Health())
