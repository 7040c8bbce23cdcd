"""The AsyncAPI document is that of the contracts, and whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.__main__ import asyncapi
from common.contracts import EVENTS
from common.service.asyncapi import document

STORED = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"


def test_stored_document_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    asyncapi()
    assert STORED.read_text() == capsys.readouterr().out, (
        "run: python -m common asyncapi > docs/asyncapi.yaml"
    )


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from references(item)


def test_references_resolve() -> None:
    made = document()
    for reference in references(made):
        place: Any = made
        for step in reference.removeprefix("#/").split("/"):
            assert step in place, reference
            place = place[step]


def test_events_are_in_their_channels() -> None:
    made = yaml.safe_load(STORED.read_text())
    for event in EVENTS:
        assert event.__name__ in made["channels"][event.topic]["messages"]
        assert made["components"]["messages"][event.__name__]["name"] == event.type
