"""Every text of a message is in every catalogue, with the same placeholders."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from notifier.catalogues import SOURCES, extract_texts, read_catalogue
from notifier.domain.recipients import DEFAULT_LANGUAGE, LANGUAGES

OTHER_LANGUAGES = [language for language in LANGUAGES if language != DEFAULT_LANGUAGE]
PLACEHOLDER = re.compile(r"%\(\w+\)s|%")
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
MARKUP = re.compile(r"<[^<>]*>|^[.a-z].*[{}]$|^font: inherit.*|^background: .*", re.MULTILINE)
TEMPLATES = sorted(
    path
    for folder in ("email", "page", "slack")
    for path in (SOURCES / "templates" / folder).glob("*.j2")
)


def _forms(text: object) -> list[str]:
    return [str(form) for form in text] if isinstance(text, tuple | list) else [str(text)]


def _is_complete(message: Message | None) -> bool:
    return message is not None and not message.fuzzy and all(_forms(message.string))


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    catalogue = read_catalogue(language)
    missing = [
        text.id for text in extract_texts() if text.id and not _is_complete(catalogue.get(text.id))
    ]
    assert not missing, "run `python -m notifier.catalogues` and translate them"


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_catalogue_has_no_text_that_is_gone(language: str) -> None:
    texts = {str(text.id) for text in extract_texts()}
    assert {str(text.id) for text in read_catalogue(language)} <= texts | {""}


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_translations_have_the_placeholders_of_the_text(language: str) -> None:
    for message in read_catalogue(language):
        if message.id:
            expected = {mark for form in _forms(message.id) for mark in PLACEHOLDER.findall(form)}
            for form in _forms(message.string):
                assert {*PLACEHOLDER.findall(form)} <= expected, message.id
            assert {*PLACEHOLDER.findall(_forms(message.string)[-1])} == expected, message.id


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_quotation_ends_the_line_in_every_language(language: str) -> None:
    for message in read_catalogue(language):
        for form in _forms(message.string) if message.id else ():
            assert "%(words)s" not in form or form.endswith("%(words)s"), message.id


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_layout_writes_every_text_through_gettext(template: Path) -> None:
    text = JINJA.sub("", template.read_text())
    assert not re.findall("[A-Z][a-z]+ [a-z]+", MARKUP.sub("", text))
