"""What a service imports to serve: each megabyte is there four times, and in each replica."""

import subprocess
import sys

from common.contracts.services import SERVICES

_UNUSED = ("alembic", "holidays", "icalendar", "pygments", "rich", "sqlalchemy.orm")
_PROGRAM = f"""
import sys
from importlib import import_module

for service in {SERVICES}:
    import_module(f"{{service}}.main")
print([name for name in {_UNUSED} if name in sys.modules])
"""


def test_service_does_not_import_what_it_needs_seldom_or_never() -> None:
    imported = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, check=True, text=True
    )
    assert imported.stdout == "[]\n"
