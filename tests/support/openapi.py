"""The HTTP APIs as services describe them."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from fastapi import FastAPI

from common.service.cli import unconnected_app


def app_of(service: str) -> FastAPI:
    """Return the service's app, which can be described and not called."""
    settings = import_module(f"{service}.settings").Settings
    return unconnected_app(settings, import_module(f"{service}.main").build)


def document_of(service: str) -> dict[str, Any]:
    return app_of(service).openapi()


def examples_of(media: Mapping[str, Any]) -> list[Any]:
    """Return the examples that OpenAPI has of a body or an answer."""
    if "example" in media:
        return [media["example"]]
    return [each["value"] for each in media.get("examples", {}).values()]
