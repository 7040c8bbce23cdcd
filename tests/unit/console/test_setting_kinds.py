"""Each kind of setting: its form keeps all that the service keeps."""

from dataclasses import fields, is_dataclass
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from console.views.settings.duty import SCHEDULES
from console.views.settings.entries import (
    BodyReader,
    entries_of,
    entries_of_form,
    fields_of,
    initial_entries,
    without_empty_rows,
)
from console.views.settings.kinds import Kind
from console.views.settings.nodes import UNNAMED, Leaf, Node
from console.views.settings.problem_words import TITLES
from console.views.settings.registry import KINDS
from console.views.settings.screens import overview_view
from escalation.api.examples import SETTINGS
from escalation.domain.configuration_problems import ProblemCode
from escalation.domain.settings.registry import KIND_BY_PATH as ESCALATION_KINDS
from escalation.domain.settings.registry import KINDS as ALL_ESCALATION_KINDS
from router.api.schemas import PersonIn, WorkloadIn
from unit.console.answers import ahead, reader

OF_ESCALATION = [kind for kind in KINDS if kind.service == "escalation"]
# The form leaves them as they are.
KEPT_BY_ROUTER = {"contact_methods"}


def body_of(kind: Kind) -> Any:
    """Return the sample setting as the service answers it."""
    adapter: TypeAdapter[Any] = TypeAdapter(ESCALATION_KINDS[kind.path].type)
    return adapter.dump_python(
        adapter.validate_python(SETTINGS[kind.path]), mode="json", by_alias=True
    )


def names_of(nodes: tuple[Node, ...]) -> set[str]:
    return {
        name
        for node in nodes
        for name in ((node.aliases if isinstance(node, Leaf) else ()) or (node.name,))
    }


def missing_fields(nodes: tuple[Node, ...], part: Any, place: str) -> list[str]:
    """Name each field of a setting for which the form has none."""
    parts = [
        each for each in (part, *_inner(part)) if isinstance(each, type) and is_dataclass(each)
    ]
    if not parts or any(node.name == UNNAMED for node in nodes):
        return []
    (own,) = parts
    missing = [
        f"{place}/{field.name}"
        for field in fields(own)
        if field.name.rstrip("_") not in names_of(nodes)
    ]
    for node in nodes:
        if not isinstance(node, Leaf):
            field_type = next(
                (field.type for field in fields(own) if field.name == node.name), None
            )
            missing += missing_fields(node.nodes, field_type, f"{place}/{node.name}")
    return missing


def _inner(part: Any) -> list[Any]:
    types: list[Any] = []
    for each in get_args(part):
        types += [each] if isinstance(each, type) and is_dataclass(each) else _inner(each)
    return types


def test_every_setting_that_can_be_put_has_a_screen() -> None:
    put = {kind.path for kind in ALL_ESCALATION_KINDS if kind.put}
    assert {kind.path for kind in OF_ESCALATION} == put


@pytest.mark.parametrize("kind", OF_ESCALATION, ids=lambda kind: kind.slug)
def test_form_has_every_field_of_the_setting(kind: Kind) -> None:
    assert missing_fields(kind.nodes, ESCALATION_KINDS[kind.path].type, kind.slug) == []


@pytest.mark.parametrize("kind", OF_ESCALATION, ids=lambda kind: kind.slug)
def test_archiving_offers_the_choices_of_the_service(kind: Kind) -> None:
    assert kind.archive_choices == ESCALATION_KINDS[kind.path].open_contacts


@pytest.mark.parametrize(
    ("slug", "model"), [("people", PersonIn), ("workloads", WorkloadIn)], ids=["people", "workload"]
)
def test_form_of_router_has_every_field(slug: str, model: Any) -> None:
    (kind,) = (kind for kind in KINDS if kind.slug == slug)
    assert names_of(kind.nodes) == model.model_fields.keys() - KEPT_BY_ROUTER


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", OF_ESCALATION, ids=lambda kind: kind.slug)
def test_form_that_is_sent_unchanged_is_the_same_setting(kind: Kind, language: str) -> None:
    texts = reader(language=language).texts
    body = body_of(kind)
    entries = entries_of(kind.nodes, body, texts)
    values = dict(fields_of(kind.nodes, entries))
    again = without_empty_rows(kind.nodes, entries_of_form(kind.nodes, values))
    body_reader = BodyReader(texts)
    adapter: TypeAdapter[Any] = TypeAdapter(ESCALATION_KINDS[kind.path].type)
    sent = adapter.validate_python(body_reader.read(kind.nodes, again))
    assert body_reader.problems == {}
    assert sent == adapter.validate_python(body)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_new_form_asks_for_what_is_missing(kind: Kind) -> None:
    body_reader = BodyReader(reader().texts)
    entries = without_empty_rows(kind.nodes, initial_entries(kind.nodes))
    body_reader.read(kind.nodes, entries)
    assert set(body_reader.problems.values()) <= {"Please fill this in."}


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", OF_ESCALATION, ids=lambda kind: kind.slug)
def test_setting_is_said_in_sentences(kind: Kind, language: str) -> None:
    sentences = kind.describe(body_of(kind), reader(language=language), {})
    assert sentences
    assert not any("{" in sentence or "None" in sentence for sentence in sentences)


def test_planned_schedule_says_from_when_it_counts_and_its_form_leaves_that_out() -> None:
    body = {**body_of(SCHEDULES), "from": ahead(days=2)}
    assert any("counts from Wed, Mar 4" in each for each in SCHEDULES.describe(body, reader(), {}))
    assert "from" not in SCHEDULES.form_body(body)
    begun = {**body, "from": ahead(days=-2)}
    assert not any("counts" in each for each in SCHEDULES.describe(begun, reader(), {}))


def test_every_problem_of_the_settings_has_words() -> None:
    assert TITLES.keys() == set(get_args(ProblemCode))


def test_problem_names_its_queue_as_floor_does() -> None:
    problem = {
        "code": "topic-not-served",
        "kind": "queues",
        "setting_id": "returns/es",
        "detail": "Nobody has the skill returns. 2 open contacts need it.",
        "parameters": {"topic": "returns", "language": "es", "has_skill": False, "contacts": 2},
    }
    (shown,) = overview_view([problem], (), reader()).problems
    assert shown.name == "returns, Spanish"
