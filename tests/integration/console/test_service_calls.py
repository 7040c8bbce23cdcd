"""Services hear who looks: a token of 60 s in the person's name."""

import pytest

from console.auth.people import Identity
from console.clients.services import ServiceProblemError, Services, ServiceUnavailableError
from integration.console.harness import KEYS, ConsoleHarness

SARA = Identity("sara", "supervisor")
MIA = Identity("mia", "manager")


@pytest.fixture
def services(console: ConsoleHarness) -> Services:
    services: Services = console.app.state.services
    return services


async def test_service_answers_the_person(services: Services) -> None:
    entry = await services.get("router", "/v1/people/sara", SARA)
    assert entry["name"] == "Sara"


async def test_etag_of_an_answer_guards_a_change(
    console: ConsoleHarness, services: Services
) -> None:
    answer = await services.fetch("router", "/v1/people/rita", MIA)
    assert answer.etag is not None
    with pytest.raises(ServiceProblemError) as refusal:
        await services.put(
            "router", "/v1/people/rita", MIA, {"name": "R", "roles": []}, if_match='"9"'
        )
    assert (refusal.value.status, refusal.value.service) in ((412, "router"), (403, "router"))


async def test_refusal_has_the_code_and_the_words_of_the_service(services: Services) -> None:
    with pytest.raises(ServiceProblemError) as refusal:
        await services.put("router", "/v1/people/rita", SARA, {"name": "Rita", "roles": []})
    assert (refusal.value.status, refusal.value.code) == (403, "forbidden")
    assert "you have the role supervisor" in refusal.value.detail


async def test_query_leaves_out_none_and_repeats_lists(services: Services) -> None:
    page = await services.get("router", "/v1/people", SARA, active=True, cursor=None, limit=2)
    assert len(page["items"]) == 2


async def test_service_that_is_down_is_named(services: Services) -> None:
    with pytest.raises(ServiceUnavailableError, match="intake") as error:
        await services.get("intake", "/v1/contacts", SARA)
    assert error.value.service == "intake"


async def test_person_who_has_left_is_refused(console: ConsoleHarness, services: Services) -> None:
    with pytest.raises(ServiceProblemError) as refusal:
        await services.get("router", "/v1/people/sara", Identity("gone", "manager"))
    assert refusal.value.status == 401


async def test_change_is_in_the_name_of_the_person(
    console: ConsoleHarness, services: Services
) -> None:
    """Not of the console: what the service publishes names who has acted."""
    answer = await console.router.put(
        "/v1/representatives/rita", json={"capacity": 3}, headers=KEYS("ops")
    )
    assert answer.is_success, answer.text
    path = "/v1/representatives/rita/presence"
    with pytest.raises(ServiceProblemError) as refusal:
        await services.put("router", path, Identity("rita", "manager"), {"presence": "sleeping"})
    assert refusal.value.status == 422
    assert refusal.value.document["errors"][0]["pointer"] == "body/presence"
    await services.put("router", path, Identity("rita", "representative"), {"presence": "away"})
