"""When a threshold of a promise is reached: `80 %`, `30 min before`, `1 h after`."""

import re
from typing import Any, Final

from console.texts import Texts
from console.views.fields import FieldError
from console.views.settings.durations import parse_duration, write_duration
from console.views.settings.values import Value

_PERCENT: Final = re.compile(r"(\d{1,4})\s*%")
_BEFORE: Final = frozenset(("before", "vorher", "vor"))
_AFTER: Final = frozenset(("after", "danach", "nach"))
ALIASES: Final = ("at_percent", "offset_s")


class ThresholdPlace(Value):
    """A part of the target in percent, or a time before or after its end."""

    def write(self, value: Any, texts: Texts) -> str:
        if value.get("at_percent") is not None:
            return f"{value['at_percent']} %"
        seconds = value.get("offset_s") or 0
        length = write_duration(abs(seconds), texts, has_days=False)
        if seconds < 0:
            return texts.gettext("%(duration)s before", duration=length)
        return texts.gettext("%(duration)s after", duration=length)

    def read(self, text: str, texts: Texts) -> dict[str, float]:
        if percent := _PERCENT.fullmatch(text):
            return {"at_percent": int(percent[1])}
        length, _, side = text.rpartition(" ")
        if side.lower() not in _BEFORE | _AFTER:
            raise FieldError(texts.gettext("Please write 80 %%, 30 min before, or 1 h after."))
        seconds = parse_duration(length.strip(), texts)
        return {"offset_s": -seconds if side.lower() in _BEFORE else seconds}
