"""What two or more services use; only `contracts` knows the words of escalation."""

import sys
from importlib import import_module
from typing import Any, cast


def import_without(hidden: str, module: str) -> Any:
    """Import a module as if a library, which it does not need, were not installed.

    structlog imports rich for logs in colours, and httpx imports pygments and rich for a command
    line: megabytes of each process, for what nobody uses here.
    """
    modules = cast("dict[str, Any]", sys.modules)
    if hidden in modules:
        return import_module(module)
    modules[hidden] = None
    try:
        return import_module(module)
    finally:
        del modules[hidden]


import_without("rich", "structlog")
# FastAPI imports it only to refuse its models, again and again; so it stays hidden.
cast("dict[str, Any]", sys.modules).setdefault("pydantic.v1", None)
