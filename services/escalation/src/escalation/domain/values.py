"""Values that never change: another one is made of each, thousands of times a second."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace
else:
    from dataclasses import fields
    from functools import cache

    @cache
    def _places(kind: Any) -> Any:
        return tuple(
            (field.name, getattr(kind, field.name).__get__, getattr(kind, field.name).__set__)
            for field in fields(kind)
        )

    def replace(value: Any, /, **changes: Any) -> Any:
        """Do what dataclasses.replace does, in half the time, for what has slots and no checks.

        Slots are copied one by one, and no `__init__` is called.
        """
        kind = type(value)
        made = object.__new__(kind)
        for name, get, put in _places(kind):
            put(made, changes.pop(name) if name in changes else get(value))
        if changes:
            message = f"{kind.__name__} has no {', '.join(changes)}"
            raise TypeError(message)
        return made


__all__ = ["replace"]
