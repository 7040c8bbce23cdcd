"""OpenAPI describes the options of channels; tests/contracts/test_openapi.py has the rest."""

from typing import Any

from common.service.cli import openapi
from intake.channels.registry import CHANNELS
from intake.main import build
from intake.settings import Settings


def test_openapi_describes_the_options_of_every_kind_of_channel() -> None:
    document: dict[str, Any] = openapi(Settings, build)
    options = document["components"]["schemas"]["ConnectionIn"]["properties"]["options"]
    titles = [kind["title"] for kind in options["anyOf"]]
    assert len(titles) == len(set(titles))
    assert set(titles) == {channel.options.__name__ for channel in CHANNELS.values()}
    assert "ZendeskOptions" in titles
    fields = [field for kind in options["anyOf"] for field in kind["properties"].values()]
    assert all(field["description"] for field in fields)
