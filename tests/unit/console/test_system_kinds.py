"""Outside systems: their forms have all that the services keep, and the same words."""

import re
from typing import Any, get_args

import pytest

from common.contracts.statuses import ContactStatus
from console.views.settings.entries import (
    BodyReader,
    entries_of,
    entries_of_form,
    fields_of,
    initial_entries,
    without_empty_rows,
)
from console.views.settings.form import FormState, review_view
from console.views.settings.kinds import Kind
from console.views.settings.nodes import Group, Leaf, Node
from console.views.settings.values import Choices
from console.views.systems.connection_kinds import (
    CONNECTION_KINDS,
    EXPECTED,
    GUIDES,
    TITLES,
)
from console.views.systems.connection_secrets import SECRET_LEAVES
from console.views.systems.connections import FAILURES
from console.views.systems.field_values import FieldText
from console.views.systems.options import values_of
from console.views.systems.samples import SAMPLES
from console.views.systems.trials import EVENTS
from console.views.systems.webhook_kind import STATUSES, WEBHOOKS
from console.views.systems.write_back_kinds import STEPS, WRITE_BACK_KINDS
from intake.api.connection_schemas import ConnectionFailureOut
from intake.channels.base import ChannelEvent
from intake.channels.registry import CHANNELS
from intake.connections.documents import ExpectedIn, OfficeHoursIn, SecretIn
from notifier.api.status_webhook_schemas import StatusWebhookIn
from notifier.api.write_back_schemas import StepIn, WriteBackIn
from notifier.case_systems.registry import CASE_SYSTEMS
from notifier.domain.write_backs.settings import Step
from unit.console.answers import reader

TEXTS = reader().texts
ALL_KINDS = (*CONNECTION_KINDS.values(), WEBHOOKS, *WRITE_BACK_KINDS.values())
# Of kinds without defaults for all.
NEEDED = {
    "salesforce": {"organization": "00D5g000004AbCdEAK"},
    "imap": {"host": "imap.example.com", "user": "support"},
}
SHARED: dict[str, Any] = {
    "topic": "billing",
    "language": "de",
    "priority": "high",
    "topic_by_tag": {"invoice": "billing", "to=a/b@example.com": "sales"},
    "language_by_tag": {"lang_es": "es"},
    "campaign_by_tag": {"recall_7": "recall-7"},
    "priority_by_tag": {"red": "urgent"},
    "tier_by_tag": {"gold": "vip"},
    "team": "care",
    "team_by_tag": {"returns": "warehouse"},
    "tier": "premium",
    "on_hold": "pauses",
    "default_region": "DE",
    "bots": ["bot-1", "bot-2"],
}
LIMIT = {"rate_limit": {"deliveries": 100, "per_seconds": 60}}
APPS = {
    "imap": {"oauth": {"provider": "microsoft", "client_id": "4711", "tenant_id": "acme"}},
    "dynamics": {
        "read_from": {
            "base_url": "https://acme.crm4.dynamics.com",
            "tenant_id": "acme",
            "client_id": "4711",
        }
    },
}
EXPECTATION = {
    "every_minutes": 60,
    "time_zone": "Europe/Madrid",
    "hours": [{"days": ["monday", "friday"], "starts": "08:00", "ends": "18:00"}],
}


def names_of(nodes: tuple[Node, ...]) -> set[str]:
    return {node.name for node in nodes}


def group_of(nodes: tuple[Node, ...], name: str) -> Group:
    (group,) = (node for node in nodes if isinstance(node, Group) and node.name == name)
    return group


def options_of(kind: Kind) -> Group:
    return group_of(kind.nodes, "options")


def sent_unchanged(nodes: tuple[Node, ...], body: Any) -> Any:
    """Return the body that comes out of a form that was opened and saved."""
    entries = entries_of(nodes, body, TEXTS)
    values = dict(fields_of(nodes, entries))
    body_reader = BodyReader(TEXTS)
    again = body_reader.read(nodes, without_empty_rows(nodes, entries_of_form(nodes, values)))
    assert not body_reader.problems
    return again


def test_every_kind_of_channel_can_be_connected_and_tried() -> None:
    assert CHANNELS.keys() == CONNECTION_KINDS.keys() == SAMPLES.keys() == GUIDES.keys()


@pytest.mark.parametrize("slug", CONNECTION_KINDS)
def test_form_has_every_option_of_the_kind(slug: str) -> None:
    nodes = options_of(CONNECTION_KINDS[slug]).nodes
    # Intake refuses a rate limit of a mailbox, which it reads itself.
    refused = {"rate_limit"} if slug == "imap" else set()
    assert names_of(nodes) == CHANNELS[slug].options.model_fields.keys() - refused


@pytest.mark.parametrize("slug", CONNECTION_KINDS)
def test_new_form_has_the_defaults_of_intake(slug: str) -> None:
    nodes = options_of(CONNECTION_KINDS[slug]).nodes
    entries = initial_entries(nodes) | NEEDED.get(slug, {})
    sent = BodyReader(TEXTS).read(nodes, without_empty_rows(nodes, entries))
    options = CHANNELS[slug].options
    assert options.model_validate(sent) == options.model_validate(NEEDED.get(slug, {}))


@pytest.mark.parametrize("slug", CONNECTION_KINDS)
def test_connection_that_is_saved_unchanged_is_the_same(slug: str) -> None:
    nodes = CONNECTION_KINDS[slug].nodes
    options = CHANNELS[slug].options
    limit = {} if slug == "imap" else LIMIT
    set_options = {**SHARED, **limit, **NEEDED.get(slug, {}), **APPS.get(slug, {})}
    full = options.model_validate(set_options).model_dump(mode="json")
    body = {"options": full, "expected": EXPECTATION}
    again = sent_unchanged(nodes, body)
    assert options.model_validate(again["options"]).model_dump(mode="json") == full
    assert again["expected"] == EXPECTATION
    assert "expected" not in sent_unchanged(nodes, {**body, "expected": None})


def test_forms_of_connections_have_what_intake_takes() -> None:
    hours = next(node for node in EXPECTED.nodes if node.name == "hours")
    assert not isinstance(hours, Leaf)
    assert names_of(EXPECTED.nodes) == ExpectedIn.model_fields.keys()
    assert names_of(hours.nodes) == OfficeHoursIn.model_fields.keys()
    assert names_of(SECRET_LEAVES) == SecretIn.model_fields.keys()


def test_every_event_of_a_trial_has_a_title() -> None:
    classes = get_args(ChannelEvent)
    names = {re.sub(r"(?<!^)(?=[A-Z])", "_", each.__name__).lower() for each in classes}
    assert EVENTS.keys() == names


def test_every_failure_of_a_connection_has_a_sentence() -> None:
    described = ConnectionFailureOut.model_fields["code"].description or ""
    assert FAILURES.keys() == set(re.findall(r"`([a-z-]+)`", described))


def test_form_of_status_webhooks_has_every_field_and_status() -> None:
    assert names_of(WEBHOOKS.nodes) == StatusWebhookIn.model_fields.keys() - {"secret"}
    assert STATUSES.keys() == set(get_args(ContactStatus))


@pytest.mark.parametrize("slug", WRITE_BACK_KINDS)
def test_form_of_write_backs_has_what_the_system_can_do(slug: str) -> None:
    kind, system = WRITE_BACK_KINDS[slug], CASE_SYSTEMS[slug]
    steps = group_of(kind.nodes, "steps")
    assert names_of(kind.nodes) == WriteBackIn.model_fields.keys() - {"credentials"}
    assert names_of(steps.nodes) == STEPS.keys() == set(get_args(Step))
    step = group_of(steps.nodes, "escalated")
    without = set() if system.has_tags else {"tags"}
    assert names_of(step.nodes) == StepIn.model_fields.keys() - without
    (priority,) = (node for node in step.nodes if node.name == "priority")
    assert isinstance(priority, Leaf)
    assert set(getattr(priority.value, "labels", ())) == system.priorities
    taken = set().union(*(each.model_fields for each in system.credentials))
    assert kind.secrets is not None
    assert {leaf.name for leaf in kind.secrets.leaves} | {"type"} == taken


def test_every_kind_of_write_back_has_a_form() -> None:
    assert CASE_SYSTEMS.keys() == WRITE_BACK_KINDS.keys() <= TITLES.keys()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("supervisor", "supervisor"),
        (5, "5"),
        ("5", '"5"'),
        (True, "true"),
        ("true", '"true"'),
        (1.5, "1.5"),
        ('"quoted"', '"\\"quoted\\""'),
        ("null", "null"),
        ("[1]", "[1]"),
        # As a number it would be sent otherwise.
        ("360012345678901234567890", "360012345678901234567890"),
        ("1.10", "1.10"),
        ("1e5", "1e5"),
    ],
)
def test_value_of_a_field_keeps_its_type(value: object, text: str) -> None:
    assert FieldText().write(value, TEXTS) == text
    read = FieldText().read(text, TEXTS)
    assert (read, type(read)) == (value, type(value))


def test_table_of_options_leaves_out_what_is_empty() -> None:
    nodes = options_of(CONNECTION_KINDS["zendesk"]).nodes
    body = {"topic": "billing", "bots": [], "topic_by_tag": {"invoice": "billing"}}
    listed = {value.label: value.text for value in values_of(nodes, body, reader())}
    assert listed == {
        "Topic": "billing",
        "Topic by tag \u203a invoice": "billing",
    }


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: kind.slug)
def test_fields_of_secrets_are_empty_whatever_was_typed(kind: Kind) -> None:
    assert kind.secrets is not None
    typed = {leaf.name: "typed" for leaf in kind.secrets.leaves}
    state = FormState(initial_entries(kind.nodes), secrets=typed)
    choices = Choices(reader())
    view = review_view(kind, state, (), (), choices, is_new=True, secrets=kind.secrets)
    initial = {leaf.initial for leaf in kind.secrets.leaves}
    assert {part.field.value for part in view.secret_parts} <= initial
    assert "typed" not in repr(view)
    assert "typed" not in repr(state)
