"""JSON for the database holds every text except the character NUL."""

import pytest

from common.contracts.contract import Contract
from common.contracts.decoding import from_json
from common.storage.json_text import NulCharacterError, to_json


class Note(Contract):
    text: str


@pytest.mark.parametrize(
    "text", ["", "plain", "\\u0000", "a\\\\u0000", "\\\\", "\n\u0001\u2028 €😀", "u0000"]
)
def test_text_is_written_and_read_as_it_is(text: str) -> None:
    assert from_json(Note, to_json(Note(text=text))).text == text


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\\\x00", "\\\\\x00", "\\u0000\x00"])
def test_nul_is_refused_as_content(text: str) -> None:
    with pytest.raises(NulCharacterError):
        to_json(Note(text=text))
