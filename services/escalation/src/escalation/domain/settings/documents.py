"""Settings as JSON: as the API takes them, and the tables keep them."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from escalation.domain.settings.registry import KIND_BY_TYPE, KINDS, Setting

_ADAPTERS: Final[Mapping[str, TypeAdapter[Any]]] = {
    kind.path: TypeAdapter(kind.type) for kind in KINDS
}


def read_setting(path: str, document: Any) -> Any:
    """Return the setting of the kind with this path; raises ValidationError."""
    return _ADAPTERS[path].validate_python(document)


def setting_document(setting: Setting) -> dict[str, Any]:
    path = KIND_BY_TYPE[type(setting)].path
    document: dict[str, Any] = _ADAPTERS[path].dump_python(setting, mode="json", by_alias=True)
    return document
