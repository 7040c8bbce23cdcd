"""What two or more services use; only `contracts` knows the words of escalation."""

import sys
from importlib import import_module
from typing import Any, cast


def _import_without(hidden: str, library: str) -> None:
    """Import a library as if another one, which it does not need, were not installed.

    structlog imports rich for logs in colours, and httpx imports click, pygments and rich for a
    command line: 7 MB of each process, for what nobody uses here.
    """
    modules = cast("dict[str, Any]", sys.modules)
    if hidden not in modules:
        modules[hidden] = None
        import_module(library)
        del modules[hidden]


_import_without("rich", "structlog")
_import_without("click", "httpx")
