"""Texts that strangers write, without the characters that change how other text looks.

A line break in a name makes a line of its own in a mail, a bidirectional control turns the text
after it around, and an invisible character makes two different names look the same.
"""

import re
import unicodedata
from typing import Final

MAX_ID_CHARACTERS: Final = 300

# Ends of lines, as Unicode and `str.splitlines` know them.
_LINE_BREAK: Final = re.compile("\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# Control characters (Cc), format characters (Cf) except the visible ones of Arabic, Syriac and
# Kaithi numbers, halves of surrogate pairs (Cs), and letters and marks without any ink.
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0d\ufeff"
    "\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]+"
)


def one_line(text: str) -> str:
    """Return the text in one line: no line breaks or tabs, no invisible characters."""
    return " ".join(plain_text(text).split())


def require_visible(text: str) -> str:
    """Return the text as it is; raises ValueError for a line break or an invisible character."""
    if not is_visible(text):
        raise ValueError("must be one line without invisible characters")
    return text


def is_visible(text: str) -> bool:
    """Return whether the text is one line without invisible characters."""
    return _is_plain(text) or not (
        _INVISIBLE.search(text) or _LINE_BREAK.search(text) or "\t" in text
    )


def compose(text: str) -> str:
    """Return the text in Unicode's form NFC; raises ValueError as `require_visible` does."""
    return unicodedata.normalize("NFC", require_visible(text))


def opaque_id(text: str) -> str:
    """Return an id that an outside system chose, in Unicode's form NFC.

    The same id, typed on two systems, may come composed or decomposed. Otherwise it stays as it is.
    Raises ValueError for a line break, an invisible character or one of white space alone.
    """
    composed = compose(text)
    if not composed.strip():
        raise ValueError("must contain a visible character")
    if len(composed) > MAX_ID_CHARACTERS:
        message = f"must be at most {MAX_ID_CHARACTERS} characters"
        raise ValueError(message)
    return composed


def plain_text(text: str) -> str:
    r"""Return the text without invisible characters; every line break is `\n`."""
    if _is_plain(text):
        return text
    return _INVISIBLE.sub("", _LINE_BREAK.sub("\n", text))


def clean_text(text: str) -> str:
    """Return the text without what PostgreSQL can't store."""
    # Two halves that the sender wrote as two escapes become one character again.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", "")


def _is_plain(text: str) -> bool:
    """Return whether the text is one line of ASCII, as most are: quicker than the expressions."""
    return text.isascii() and text.isprintable()
