"""Values that never change: another one is made of each, thousands of times a second."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace
else:
    from dataclasses import fields
    from functools import cache
    from operator import attrgetter

    @cache
    def _places(kind: Any) -> Any:
        names = [field.name for field in fields(kind)]
        put = {name: getattr(kind, name).__set__ for name in names}
        return attrgetter(*names), tuple(put.values()), put

    def replace(value: Any, /, **changes: Any) -> Any:
        """Do what dataclasses.replace does, in half the time, for what has slots and no checks.

        Slots are copied one by one, and no `__init__` is called.
        """
        kind = type(value)
        look, puts, put = _places(kind)
        made = object.__new__(kind)
        for keep, kept in zip(puts, look(value), strict=False):
            keep(made, kept)
        for name, change in changes.items():
            put[name](made, change)
        return made


__all__ = ["replace"]
