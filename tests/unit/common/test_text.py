"""Texts of strangers keep their words and lose what changes how other text looks."""

import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from common.core.text import one_line, plain_text
from common.http.app import LongText, OpaqueText, ShortText

# Format characters that are seen: they stand before numbers.
_SEEN = {"\u0600", "\u0601", "\u0602", "\u0603", "\u0604", "\u0605", "\u06dd", "\u070f"}
_SEEN |= {"\u0890", "\u0891", "\u08e2", "\U000110bd", "\U000110cd"}


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("Ada\nOpen: https://evil.example", "Ada Open: https://evil.example"),
        ("Ada\r\n\r\nLovelace", "Ada Lovelace"),
        ("Ada\u2028Love\u2029lace\x85!", "Ada Love lace !"),
        ("Ada\x0b\x0c\x1c\x1d\x1e\tLovelace", "Ada Lovelace"),
        ("  Ada \u00a0\u3000 Lovelace  ", "Ada Lovelace"),
        ("Ada \u200b \u200b Lovelace", "Ada Lovelace"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("\u2066Ada\u2069", "Ada"),
        ("A\u200bd\u00ada\ufeff", "Ada"),
        ("Ada\U000e0041\U000e007f", "Ada"),
        ("\x1b[31mAda", "[31mAda"),
        ("\u3164\u2800\u115f", ""),
        ("Żółć ملف 你好 👩‍💻", "Żółć ملف 你好 👩💻"),
    ],
)
def test_words_stay_in_one_visible_line(written: str, line: str) -> None:
    assert one_line(written) == line


def test_plain_text_keeps_line_breaks_and_removes_invisible_characters() -> None:
    assert plain_text("Hello\r\nAda\u2028\u202eeve\x00\x1b\rend\n") == "Hello\nAda\neve\nend\n"


def test_every_control_and_format_character_is_removed() -> None:
    hidden = [
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        and character not in _SEEN
    ]
    assert [
        character for character in hidden if one_line(f"a{character}b") not in {"ab", "a b"}
    ] == []
    kept = [character for character in hidden if plain_text(character) not in {"", "\n"}]
    assert kept == ["\t"]


@given(st.text())
def test_cleaned_text_has_one_line_and_stays_the_same(written: str) -> None:
    line, text = one_line(written), plain_text(written)
    assert len(line.splitlines()) <= 1
    assert one_line(line) == line
    assert plain_text(text) == text
    assert one_line(text) == line


def test_short_text_is_one_line_and_long_text_keeps_lines() -> None:
    short, long = TypeAdapter(ShortText), TypeAdapter(LongText)
    assert short.validate_python(" Ada\n\u202eOpen: x ") == "Ada Open: x"
    assert long.validate_python("Ada\r\n\u202eOpen: x") == "Ada\nOpen: x"


def test_secrets_and_foreign_ids_stay_as_they_came() -> None:
    opaque = TypeAdapter(OpaqueText)
    assert opaque.validate_python("a  b") == "a  b"
    for hidden in ("a\nb", "a\u2028b", "a\u202eb", "a\u200bb", "a\tb", "a\x00b"):
        with pytest.raises(ValidationError):
            opaque.validate_python(hidden)


@pytest.mark.parametrize("kind", [ShortText, LongText])
@pytest.mark.parametrize("text", ["", "\u200b\u2066", "nul\x00"])
def test_text_without_a_visible_character_or_with_nul_is_refused(kind: Any, text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(text)
