"""Language tags: one spelling of each, and which of them match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from common.contracts.needs import ContactTopic, LanguageTag
from common.core.languages import UNDETERMINED, language_distance, parse_language, read_language

TAG = TypeAdapter(LanguageTag)
TOPIC = TypeAdapter(ContactTopic)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("pt-br", "pt-BR"),
        ("PT_BR", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("sr-latn-rs", "sr-Latn-RS"),
        ("eng", "en"),
        ("iw", "he"),
        ("und", "und"),
    ],
)
def test_tag_has_one_spelling(text: str, tag: str) -> None:
    assert TAG.validate_python(text) == tag
    assert parse_language(tag) == tag
    assert read_language(f" {text}") == tag


@pytest.mark.parametrize(
    "text", ["", "english", "xx", "en-", "en--us", "e n", "\u017fk", "a" * 200, "1"]
)
def test_text_that_is_no_language_is_refused_in_words_and_read_as_undetermined(text: str) -> None:
    with pytest.raises(ValidationError, match="must be a language as BCP 47 writes it"):
        TAG.validate_python(text)
    assert read_language(text) == UNDETERMINED


@pytest.mark.parametrize(
    ("text", "tag"), [("pt_BR.UTF-8", "pt-BR"), ("de.utf8", "de"), (".UTF-8", UNDETERMINED)]
)
def test_encoding_after_a_language_is_left_out(text: str, tag: str) -> None:
    assert read_language(text) == tag


@given(st.text(max_size=50))
def test_text_of_a_channel_is_always_read_as_a_tag(text: str) -> None:
    tag = read_language(text)
    assert parse_language(tag) == tag


@pytest.mark.parametrize(
    ("wanted", "spoken", "distance"),
    [
        ("pt-BR", "pt", 0),
        ("pt", "pt-BR", 0),
        ("pt-PT", "pt-BR", 5),
        ("en-GB", "en-US", 5),
        ("zh-Hant-TW", "zh", 0),
        ("zh-Hant-TW", "zh-Hant", 0),
        ("zh-TW", "zh-Hant", 0),
        ("zh-TW", "zh-CN", None),
        ("nb", "no", 1),
        ("da", "no", None),
        ("pt", "es", None),
        ("es", "est", None),
        ("und", "en", None),
        ("en", "und", None),
    ],
)
def test_language_matches_its_regions_and_scripts(
    wanted: str, spoken: str, distance: int | None
) -> None:
    assert language_distance(wanted, spoken) == distance


@given(st.sampled_from(["en", "pt-BR", "zh-Hant-TW", "sr-Latn"]))
def test_language_matches_itself_best(tag: str) -> None:
    assert language_distance(tag, tag) == 0


def test_topics_have_small_letters() -> None:
    assert TOPIC.validate_python("Billing") == "billing"
    with pytest.raises(ValidationError):
        TOPIC.validate_python("two words")
