"""The lists of services agree: each file that names the services names all of them.

`common.contracts.services` has the list. To add a service, add it there and follow the failures.
"""

import re
import tomllib
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.contracts import TOPICS
from common.contracts.services import EVENT_SERVICES, SERVICES, TOPIC_OWNERS

REPOSITORY = Path(__file__).parents[3]
EXPECTED = set(SERVICES)
# Contracts that the console has nothing for: it has layers of its own, and no handlers.
OF_EVENT_SERVICES = (
    "importlinter:contract:layers: containers",
    "importlinter:contract:handlers: source_modules",
)
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy" / "compose.yaml").read_text())
SCHEMAS_JOB = COMPOSE["services"]["schemas"]
PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def _without_prefix(prefix: str, names: object) -> set[str]:
    assert isinstance(names, dict | list | set)
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}


def _import_contracts() -> list[tuple[str, set[str]]]:
    """Return the services in each list of `.importlinter`."""
    config = ConfigParser()
    config.read(REPOSITORY / ".importlinter")
    lists = []
    for section in config.sections():
        for key, value in config[section].items():
            services = {line.split(".")[0] for line in value.split()} & EXPECTED
            # A contract inside one service names only that service.
            if len(services) > 1:
                lists.append((f"{section}: {key}", services))
    return lists


LISTS = {
    "folders": {path.parent.name for path in REPOSITORY.glob("services/*/pyproject.toml")},
    "images' requirements": EXPECTED
    & {path.stem for path in (REPOSITORY / "requirements").glob("*.txt")},
    "ruff's known-first-party": EXPECTED
    & set(PYPROJECT["tool"]["ruff"]["lint"]["isort"]["known-first-party"]),
    "mypy_path": {
        path.split("/")[1]
        for path in PYPROJECT["tool"]["mypy"]["mypy_path"]
        if path.startswith("services/")
    },
    "compose services": EXPECTED & set(COMPOSE["services"]),
    "compose migrations": _without_prefix("migrate-", COMPOSE["services"]),
    "compose passwords": _without_prefix("PASSWORD_", SCHEMAS_JOB["environment"]),
    "compose schemas": set(
        re.findall(r"for service in ([\w ]+);", SCHEMAS_JOB["command"][0])[0].split()
    ),
    **dict(_import_contracts()),
}


@pytest.mark.parametrize("name", LISTS)
def test_list_names_every_service(name: str) -> None:
    expected = set(EVENT_SERVICES) if name in OF_EVENT_SERVICES else EXPECTED
    assert LISTS[name] == expected


def test_import_rules_cover_every_service() -> None:
    sections = {name.split(": ")[0] for name, _ in _import_contracts()}
    assert {"importlinter", "importlinter:contract:independence"} <= sections


def test_every_topic_has_a_service_as_owner() -> None:
    """A service may publish nothing."""
    assert set(TOPIC_OWNERS) == set(TOPICS)
    assert set(TOPIC_OWNERS.values()) <= EXPECTED
