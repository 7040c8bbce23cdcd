"""How many text messages a text takes: by GSM-7 (3GPP TS 23.038), else by UCS-2."""

from dataclasses import dataclass
from typing import Final

# Of what a template of a centre writes.
MAX_CUSTOM_SEGMENTS: Final = 6
_ELLIPSIS: Final = "..."
_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Each is sent as two: an escape, and a character.
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
# What templates and people write, and a telephone has as something else.
_LOOK_ALIKES: Final = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014", "-"),
        "…": _ELLIPSIS,
        "·": "-",
        "\u00a0": " ",
        "\u202f": " ",
    }
)


@dataclass(frozen=True, slots=True)
class _Encoding:
    """`alone`: the units of a message that is one segment; `joined`: of each of several."""

    alone: int
    joined: int


_GSM_7: Final = _Encoding(160, 153)
_UCS_2: Final = _Encoding(70, 67)


def plain(text: str) -> str:
    """Replace quotation marks, dashes and the like, so that fewer texts need UCS-2."""
    return text.translate(_LOOK_ALIKES)


def count_segments(text: str) -> int:
    """Return how many segments the text takes; an empty one takes one, as it is sent."""
    if _is_gsm(text):
        return _segments(_GSM_7, [_gsm_units(each) for each in text])
    return _segments(_UCS_2, [_ucs_units(each) for each in text])


def fit(text: str, segments: int, rest: str = "") -> str:
    """Return as much of the text as so many segments take with `rest` after it.

    What is cut ends in an ellipsis; it is empty if there is no room.
    """
    if count_segments(text + rest) <= segments:
        return text
    shortest, longest = 0, len(text)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if count_segments(text[:middle] + _ELLIPSIS + rest) <= segments:
            shortest = middle
        else:
            longest = middle - 1
    return text[:shortest].rstrip() + _ELLIPSIS if shortest else ""


def _segments(encoding: _Encoding, units: list[int]) -> int:
    """Count them as they are filled: no character is cut in two."""
    if sum(units) <= encoding.alone:
        return 1
    count, used = 1, 0
    for each in units:
        if used + each > encoding.joined:
            count, used = count + 1, 0
        used += each
    return count


def _is_gsm(text: str) -> bool:
    return all(each in _BASIC or each in _EXTENSION for each in text)


def _gsm_units(character: str) -> int:
    return 2 if character in _EXTENSION else 1


def _ucs_units(character: str) -> int:
    return len(character.encode("utf-16-be")) // 2
