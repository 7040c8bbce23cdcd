"""Where a service's README lists tables, settings or metrics, it lists all of them."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from common.service.reference import metrics_reference, settings_reference

SERVICES = Path(__file__).parents[3] / "services"


def _section(service: str, heading: str) -> str:
    _, _, behind = (SERVICES / service / "README.md").read_text().partition(f"\n## {heading}\n")
    assert behind, f"the README of {service} has no section {heading}"
    return behind.partition("\n## ")[0]


def _names(reference: str, service: str) -> list[str]:
    _, _, behind = reference.partition(f"\n## {service}\n")
    return re.findall(r"^\| `(\w+)`", behind.partition("\n## ")[0], re.MULTILINE)


@pytest.mark.parametrize("service", ["intake", "router", "notifier"])
def test_readme_lists_every_table(service: str) -> None:
    tables = import_module(f"{service}.tables").metadata.tables
    listed = _section(service, "Tables")
    assert [name for name in tables if f"`{name}`" not in listed] == []


def test_readme_of_notifier_lists_every_setting() -> None:
    settings = _names(settings_reference(["notifier"]), "notifier")
    assert len(settings) > 40
    listed = _section("notifier", "Settings")
    names = [name.removeprefix("UPSTAIRS_") for name in settings]
    assert [name for name in names if f"`{name}`" not in listed] == []


def test_readme_of_notifier_lists_every_metric() -> None:
    metrics = _names(metrics_reference(["notifier"]), "notifier")
    assert len(metrics) > 10
    listed = _section("notifier", "Metrics")
    assert [name for name in metrics if f"`{name}`" not in listed] == []
