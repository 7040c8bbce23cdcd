"""Which customers come to the simulated centre, and who there can serve them."""

from collections.abc import Callable
from itertools import islice
from statistics import mean

import pytest

from common.http.examples import REPRESENTATIVE
from intake.domain.understanding.supervisor_request import asks_for_supervisor
from stage.centre.matters import MATTERS, SUPERVISOR_REQUESTS, Matter
from stage.centre.pace import Pace
from stage.centre.plans import ContactPlan, plan_contacts
from stage.centre.staff import REPRESENTATIVES, RITA
from stage.sample_settings import POLICIES


def first_contacts(number: int = 200, pace: Pace | None = None) -> list[ContactPlan]:
    return list(islice(plan_contacts(pace or Pace()), number))


def test_same_seed_gives_the_same_contacts() -> None:
    assert first_contacts(pace=Pace(seed=7)) == first_contacts(pace=Pace(seed=7))


def test_other_seed_gives_other_contacts() -> None:
    assert first_contacts(pace=Pace(seed=7)) != first_contacts(pace=Pace(seed=8))


def test_contacts_come_as_often_as_the_setting_says() -> None:
    gaps = [plan.gap_s for plan in first_contacts(2000, Pace(contacts_per_minute=12))]
    assert mean(gaps) == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(
    ("trait", "values"),
    [
        (lambda plan: plan.matter.language, {"en", "de", "es", "fr"}),
        (lambda plan: plan.matter.topic, {"account", "delivery", "payment", "warranty"}),
        (lambda plan: plan.body["customer"]["tier"], {"standard", "premium", "vip"}),
        (lambda plan: plan.channel, {"chat", "email", "call", "ticket"}),
        (lambda plan: plan.score, {None, 1, 2, 3, 4, 5}),
        (lambda plan: plan.asks_for_supervisor_after_s is None, {True, False}),
    ],
)
def test_contacts_are_of_all_kinds(
    trait: Callable[[ContactPlan], object], values: set[object]
) -> None:
    assert {trait(plan) for plan in first_contacts()} == values


@pytest.mark.parametrize("matter", MATTERS, ids=lambda matter: matter.subject)
def test_simulated_representative_serves_each_matter(matter: Matter) -> None:
    assert any(
        matter.topic in person["skills"] and matter.language in person["languages"]
        for person in REPRESENTATIVES.values()
    )


def test_some_contacts_come_to_the_viewers_representative() -> None:
    served = {(topic, language) for topic in RITA["skills"] for language in RITA["languages"]}
    assert served & {(matter.topic, matter.language) for matter in MATTERS}
    assert REPRESENTATIVE not in REPRESENTATIVES


@pytest.mark.parametrize("language", SUPERVISOR_REQUESTS)
def test_intake_reads_that_the_customer_asks_for_a_supervisor(language: str) -> None:
    assert asks_for_supervisor(SUPERVISOR_REQUESTS[language])


def test_intake_reads_no_such_wish_in_other_texts() -> None:
    texts = [text for matter in MATTERS for text in (matter.subject, matter.text, matter.answer)]
    assert not [text for text in texts if asks_for_supervisor(text)]


def test_topics_are_not_those_of_the_sample_policies() -> None:
    samples = {topic for policy in POLICIES.values() for topic in policy["match"].get("topic", ())}
    assert not samples & {matter.topic for matter in MATTERS}
