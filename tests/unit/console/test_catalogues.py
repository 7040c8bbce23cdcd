"""Every text of the console is in every catalogue, with the same placeholders."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from console.catalogues import SOURCES, extract_texts, read_catalogue
from console.texts import ENGLISH, LANGUAGES

OTHER_LANGUAGES = [language for language in LANGUAGES if language != ENGLISH]
PLACEHOLDER = re.compile(r"%\(\w+\)s|%")
JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
TEXT_NODE = re.compile(r">([^<>]*[A-Za-z][^<>]*)<")
READ_ATTRIBUTE = re.compile(r'(?:aria-label|title|placeholder|alt)="([^"]*[A-Za-z][^"]*)"')
NAME_OF_KEY = re.compile(r"<kbd>.</kbd>")
ATTRIBUTE = re.compile(r'\s[\w-]+="[^"]*"')
NAMES = {"Upstairs"}
TEMPLATES = sorted((SOURCES / "templates").rglob("*.html"))


def _forms(text: object) -> list[str]:
    return [str(form) for form in text] if isinstance(text, tuple | list) else [str(text)]


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    catalogue = read_catalogue(language)
    missing = [
        text.id for text in extract_texts() if text.id and not _is_complete(catalogue.get(text.id))
    ]
    assert not missing, "run `python -m console.catalogues` and translate them"


def _is_complete(message: Message | None) -> bool:
    return message is not None and not message.fuzzy and all(_forms(message.string))


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


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_writes_every_text_through_gettext(template: Path) -> None:
    markup = NAME_OF_KEY.sub("", JINJA.sub("", template.read_text()))
    texts = {text.strip(" ·\n") for text in TEXT_NODE.findall(ATTRIBUTE.sub("", markup))}
    assert not {*texts, *READ_ATTRIBUTE.findall(markup)} - NAMES


@pytest.mark.parametrize("module", sorted(SOURCES.rglob("*.py")), ids=lambda path: path.stem)
def test_no_text_is_translated_inside_a_formatted_text(module: Path) -> None:
    """Babel sees no call there before Python 3.12, so the text would be in no catalogue."""
    formatted = (
        node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.JoinedStr)
    )
    calls = (node for text in formatted for node in ast.walk(text) if isinstance(node, ast.Call))
    assert not [call.lineno for call in calls if _translates(call) and _is_written(call)]


def _translates(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in {"_", "gettext", "ngettext"}


def _is_written(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant)
