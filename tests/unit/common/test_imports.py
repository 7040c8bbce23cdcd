"""What a service imports to serve: each megabyte is there four times, and in each replica."""

import subprocess
import sys
from collections.abc import Collection, Sequence

import pytest

from common.contracts.services import SERVICES

_UNUSED = (
    "alembic",
    "apprise",
    "holidays",
    "icalendar",
    "pydantic.v1",
    "pygments",
    "requests",
    "rich",
    "sqlalchemy.orm",
    "yaml",
)
# The console calls the others with it, and intake systems whose cases and mailboxes it reads.
_CALLERS = ("console", "intake")
_WITHOUT_CALLS = (*_UNUSED, "httpx")


@pytest.mark.parametrize(
    ("services", "unused"), [(SERVICES, _UNUSED), (set(SERVICES) - set(_CALLERS), _WITHOUT_CALLS)]
)
def test_service_does_not_import_what_it_needs_seldom_or_never(
    services: Collection[str], unused: Sequence[str]
) -> None:
    program = f"""
import sys
from importlib import import_module

for service in {services}:
    import_module(f"{{service}}.main")
print([name for name in {unused} if sys.modules.get(name)])
"""
    imported = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert imported.stdout == "[]\n"
