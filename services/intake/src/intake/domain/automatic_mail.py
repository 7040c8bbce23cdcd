"""Whether a machine wrote a mail, by its headers: absence notes, bounces, lists.

RFC 3834 defines `Auto-Submitted`; the others are older habits of mail programs.
"""

from collections.abc import Mapping
from typing import Final

_PRECEDENCES: Final = ("bulk", "junk", "auto_reply")
# Their presence alone says it, whatever they say.
_MARKS: Final = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-failed-recipients")
_NO: Final = ("", "no", "false", "0")


def is_automatic(headers: Mapping[str, str]) -> bool:
    """Return whether the headers say so; their names are in any case."""
    values = {name.strip().lower(): value.strip().lower() for name, value in headers.items()}
    # "auto-replied; owner-email=…" has parameters.
    submitted = values.get("auto-submitted", "").partition(";")[0].strip()
    if submitted not in _NO:
        return True
    if any(values.get(name, "no") not in _NO for name in _MARKS):
        return True
    return _has_precedence(values) or _is_bounce(values)


def _has_precedence(values: Mapping[str, str]) -> bool:
    precedence = values.get("precedence")
    # A group address marks what people write to it as from a list.
    if precedence == "list":
        return "list-id" not in values
    return precedence in _PRECEDENCES


def _is_bounce(values: Mapping[str, str]) -> bool:
    """A delivery report has an empty sender, so that nobody answers it."""
    report = values.get("content-type", "").startswith("multipart/report")
    return report or values.get("return-path") == "<>"
