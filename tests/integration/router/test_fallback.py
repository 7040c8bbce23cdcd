"""A contact whose skill or language nobody has waits in a fallback queue, and a warning says so."""

from typing import Any

import httpx
import pytest

from integration.router.conftest import RouterHarness
from integration.router.examples import assert_loads_are_consistent, complete, received


@pytest.mark.parametrize(
    ("needs", "staff", "queue"),
    [
        ({"topic_of_contact": "nosuch"}, ("general", "en"), "general/en"),
        ({"topic_of_contact": "nosuch", "language": "pt-BR"}, ("general", "pt"), "general/pt-BR"),
        ({"language": "pt"}, ("billing", "en"), "billing/en"),
        ({"language": "und"}, ("billing", "en"), "billing/en"),
        ({"topic_of_contact": "nosuch", "language": "pt"}, ("general", "en"), "general/en"),
    ],
)
async def test_contact_that_nobody_serves_goes_to_the_fallback(
    harness: RouterHarness, needs: dict[str, str], staff: tuple[str, str], queue: str
) -> None:
    skill, language = staff
    await harness.hire("gus", skills=(skill,), languages=(language,))
    contact = received(**needs)

    await harness.handle_events(contact)

    assignment = await harness.assignment(contact.contact_id)
    assert assignment.representative_id == "gus"
    assert assignment.need
    assert assignment.need.queue == queue
    assert await harness.published(contact.contact_id) == ["ContactUnserved", "ContactAssigned"]
    (warning,) = await harness.rows(
        "SELECT data FROM published_events WHERE type = 'upstairs.contact_unserved.v1'"
    )
    assert warning.data["fallback_queue"] == queue


async def test_contact_waits_for_those_who_serve_it_even_if_they_are_offline(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    await harness.hire("rita")
    await harness.hire("gus", skills=("general",))
    await api.put("/v1/representatives/rita/presence", json={"presence": "offline"})
    contact = received()

    await harness.handle_events(contact)

    assert (await harness.assignment(contact.contact_id)).state == "queued"
    assert await harness.published(contact.contact_id) == ["ContactQueued"]


async def test_contact_without_any_fallback_waits_in_its_queue_with_a_warning(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    contact = received(topic_of_contact="nosuch")
    await harness.handle_events(contact)

    assert await harness.published(contact.contact_id) == ["ContactUnserved", "ContactQueued"]
    (queue,) = (await api.get("/v1/queues")).json()["items"]
    assert (queue["queue"], queue["waiting"], queue["served"]) == ("nosuch/en", 1, False)
    shown = (await api.get(f"/v1/assignments/{contact.contact_id}")).json()
    assert (shown["queue"], shown["unserved_queue"]) == ("nosuch/en", "nosuch/en")
    assert [entry["text"] for entry in shown["history"]] == [
        "No active representative takes nosuch/en; fallback: nobody",
        (
            "Queued for nosuch/en: nobody who can take nosuch, en is free; "
            "no active representative takes nosuch, en"
        ),
    ]


async def test_contact_returns_to_its_queue_when_somebody_serves_it(
    harness: RouterHarness, api: httpx.AsyncClient
) -> None:
    contact = received(topic_of_contact="nosuch")
    await harness.handle_events(contact)
    await harness.hire("gus", skills=("general",), presence="away")
    stands_in = {queue["queue"]: queue for queue in (await api.get("/v1/queues")).json()["items"]}
    assert stands_in["general/en"]["stands_in_for"] == ["nosuch/en"]

    await harness.hire("nora", skills=("nosuch",))

    assignment = await harness.assignment(contact.contact_id)
    assert (assignment.representative_id, assignment.unserved_need) == ("nora", None)
    assert await harness.published(contact.contact_id) == [
        "ContactUnserved",
        "ContactQueued",
        "ContactUnserved",
        "ContactQueued",
        "ContactAssigned",
    ]


@pytest.mark.parametrize("change", [{"active": False}, {"skills": ("orders",)}])
async def test_waiting_contact_goes_to_the_fallback_when_nobody_serves_it_any_more(
    harness: RouterHarness, change: dict[str, Any]
) -> None:
    await harness.hire("rita")
    await harness.hire("gus", skills=("general",))
    first, waiting = received(), received()
    await harness.handle_events(first)
    await harness.handle_events(waiting)

    await harness.hire("rita", **change)

    assert (await harness.assignment(waiting.contact_id)).representative_id == "gus"
    assert await harness.published(waiting.contact_id) == [
        "ContactQueued",
        "ContactUnserved",
        "ContactAssigned",
    ]
    await complete(harness, first.contact_id)
    await assert_loads_are_consistent(harness)
