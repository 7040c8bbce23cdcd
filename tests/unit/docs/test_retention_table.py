"""The table of retention in docs/operations.md has the tables and days of every service."""

import re
from pathlib import Path

import pytest

from common.service.reference import build_spec
from common.service.retention import Retention

OPERATIONS = Path(__file__).parents[3] / "docs/operations.md"
SERVICES = ("intake", "router", "escalation", "notifier", "console")
HEADING = "| Service | Table | A row is deleted |"
NAME = re.compile(r"`(\w+)`")


def _documented(service: str) -> dict[str, tuple[str, str]]:
    """Return the documented days and minimum of each table that the service has."""
    documented: dict[str, tuple[str, str]] = {}
    _, _, behind = OPERATIONS.read_text().partition(HEADING)
    for line in behind.partition("\n\n")[0].splitlines()[2:]:
        _, services, tables, _, days, min_days, *_ = (cell.strip() for cell in line.split("|"))
        is_shared = services.startswith("each") and service != "console"
        if is_shared or service in NAME.findall(services):
            names = NAME.findall(tables)
            assert not documented.keys() & set(names), f"{names} of {service} are listed twice"
            documented |= dict.fromkeys(names, (days, min_days))
    return documented


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_of_a_service_has_its_rule_in_the_documentation(service: str) -> None:
    rules = build_spec(service).retention_rules
    assert _documented(service).keys() == {rule.table for rule in rules}


@pytest.mark.parametrize("service", SERVICES)
def test_documented_days_are_the_defaults(service: str) -> None:
    rules = [rule for rule in build_spec(service).retention_rules if isinstance(rule, Retention)]
    documented = _documented(service)
    for rule in rules:
        days, min_days = documented[rule.table]
        assert days.replace(",", "") == str(rule.days), rule.table
        assert (min_days or "1") == str(rule.min_days), rule.table
