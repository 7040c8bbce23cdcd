"""A manager writes a template of messages in a browser without scripts, and sees what it says."""

from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from integration.console.harness import SAME_ORIGIN, ConsoleHarness
from integration.console.settings_harness import form_of, text_of
from integration.console.systems_harness import Systems, open_systems
from support.databases import Postgres

LIST = "/settings/message-templates"
PAGE = f"{LIST}/email/raised/de"
API = "/v1/templates/email/raised/de"
OWN = {"title": "Dringend", "body": "{{ why_now }}\r\n{{ task }}"}


@pytest.fixture
async def systems(
    console: ConsoleHarness, postgres: Postgres, database_name: str
) -> AsyncIterator[Systems]:
    async with open_systems(console, postgres, database_name) as systems:
        yield systems


async def send(systems: Systems, press: str, **fields: str) -> httpx.Response:
    shown = form_of(await systems.mia.read(PAGE))
    sent = {"etag": shown["etag"], **OWN, **fields, "press": press}
    return await systems.mia.client.post(PAGE, data=sent, headers=SAME_ORIGIN)


async def in_force(systems: Systems) -> Any:
    return (await systems.notifier.get(API)).json()


async def test_preview_stands_beside_the_form_and_nothing_is_saved(systems: Systems) -> None:
    page = await systems.mia.read(PAGE)
    assert "{{ headline }}" in unescape(page)
    assert "E-Mail zu Billing von „Ada Lovelace“" in text_of(page)
    answer = await send(systems, "preview")
    assert answer.status_code == 200
    assert "Sie werden zuerst gefragt. Drücken Sie Bestätigen" in text_of(answer.text)
    assert "{{ why_now }}" in unescape(answer.text)
    assert (await in_force(systems))["version"] is None


async def test_template_is_saved_and_listed_and_taken_back(systems: Systems) -> None:
    saved = await send(systems, "save")
    assert (saved.status_code, saved.headers["location"]) == (303, f"{PAGE}?done=saved")
    stored = await in_force(systems)
    assert (stored["title"], stored["body"]) == ("Dringend", "{{ why_now }}\n{{ task }}")
    assert stored["changed_by"] == "mia"
    assert "Saved." in await systems.mia.read(f"{PAGE}?done=saved")
    assert "Asked first · email · German" in text_of(await systems.mia.read(LIST))
    back = await send(systems, "shipped")
    assert back.headers["location"] == f"{PAGE}?done=shipped"
    assert (await in_force(systems))["is_shipped"]
    assert "All messages are written by the shipped templates." in await systems.mia.read(LIST)
    earlier = await systems.mia.read(f"{PAGE}?version=1")
    assert "{{ why_now }}" in unescape(earlier)


async def test_mistake_is_named_beside_its_field_and_the_words_stay(systems: Systems) -> None:
    answer = await send(systems, "save", body="{{ nobody }}")
    assert answer.status_code == 422
    assert "Line 1: There is no variable nobody." in text_of(answer.text)
    assert 'aria-invalid="true" aria-describedby="problem-body"' in answer.text
    assert "{{ nobody }}" in unescape(answer.text)
    empty = await send(systems, "save", title="")
    assert empty.status_code == 422
    assert 'aria-describedby="problem-title"' in empty.text
    assert (await in_force(systems))["version"] is None


async def test_nobody_overwrites_what_they_have_not_read(systems: Systems) -> None:
    shown = form_of(await systems.mia.read(PAGE))
    await systems.notifier.put(API, json={"title": "x", "body": "y"})
    sent = {"etag": shown["etag"], **OWN, "press": "save"}
    answer = await systems.mia.client.post(PAGE, data=sent, headers=SAME_ORIGIN)
    assert answer.status_code == 412
    assert "The template was changed since you read it" in text_of(answer.text)
    assert (await in_force(systems))["body"] == "y"


async def test_choice_leads_to_the_template_of_it(systems: Systems) -> None:
    query = {"medium": "slack", "kind": "any", "language": "fr"}
    answer = await systems.mia.client.get(LIST, params=query)
    assert answer.headers["location"] == f"{LIST}/slack/any/fr"
    unknown = await systems.mia.client.get(f"{LIST}/slack/nothing/fr")
    assert unknown.status_code == 404
    assert LIST in await systems.mia.read("/settings")
