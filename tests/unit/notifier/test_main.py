from typing import Any

import pytest

from common.core.health import Health
from common.core.metrics import Metrics
from common.service.cli import openapi
from notifier.main import Unsafe, build
from notifier.settings import Settings


def test_the_api_describes_itself_without_any_secret() -> None:
    paths = openapi(Settings, build)["paths"]
    assert set(paths) >= {
        "/v1/recipients",
        "/v1/recipients/{person_id}",
        "/v1/notifications",
        "/v1/acknowledgements/{token}",
        "/v1/callbacks/slack",
    }


def test_it_does_not_serve_without_a_secret_for_its_links() -> None:
    unused: Any = None
    settings = Settings(
        database_url="postgresql+asyncpg://unused@localhost/unused", kafka_bootstrap="unused"
    )
    with pytest.raises(Unsafe, match="UPSTAIRS_LINK_SECRET"):
        build(settings).workers(unused, Metrics(), Health())
