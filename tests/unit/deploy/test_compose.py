"""Names, order and exposure in compose.yaml and the Dockerfile, without a container engine."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.contracts.services import EVENT_SERVICES, SERVICES
from common.http.token_issuers import public_key_of
from common.service.settings import ProcessSettings, ServiceSettings, weak_secrets
from common.storage.api_keys import ROLES
from common.storage.roles import owner_role
from console.settings import Settings as ConsoleSettings
from console.tokens.signing_keys import read_keys
from devstack.containers import KAFKA_IMAGE, POSTGRES_IMAGE

REPOSITORY = Path(__file__).parents[3]
DOCKERFILE = (REPOSITORY / "deploy" / "Dockerfile").read_text()
HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"


def _interpolated(text: str) -> str:
    """Fill in the defaults, as compose does without any variable set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


SOURCE = (REPOSITORY / "deploy" / "compose.yaml").read_text()
PARSED = yaml.safe_load(SOURCE)["services"]
COMPOSE: dict[str, dict[str, Any]] = json.loads(_interpolated(json.dumps(PARSED)))
JOBS = {name for name, service in COMPOSE.items() if service["restart"] == "no"}


def _settings(service: str) -> type[ProcessSettings]:
    settings: type[ProcessSettings] = import_module(f"{service}.settings").Settings
    return settings


def _fields(environment: dict[str, str]) -> dict[str, Any]:
    """Return the settings; an object or a list is JSON, as pydantic-settings reads it."""
    return {
        name.removeprefix("UPSTAIRS_").lower(): json.loads(value)
        if value.startswith(("{", "["))
        else value
        for name, value in environment.items()
        if name.startswith("UPSTAIRS_")
    }


def _conditions(name: str) -> dict[str, str]:
    needed = COMPOSE[name].get("depends_on", {})
    return {dependency: options["condition"] for dependency, options in needed.items()}


def test_no_name_stands_twice_in_a_mapping() -> None:
    """Compose refuses the file; PyYAML would take the last one."""
    for mapping in _mappings(yaml.compose(SOURCE)):
        names = [key.value for key, _ in mapping.value]
        assert len(names) == len(set(names)), f"{sorted(names)}, {mapping.start_mark}"


def _mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _mappings(item)


@pytest.mark.parametrize("service", SERVICES)
def test_environment_has_only_settings_of_the_service(service: str) -> None:
    environment, settings = _fields(COMPOSE[service]["environment"]), _settings(service)
    assert environment.keys() <= settings.model_fields.keys()
    assert settings.model_validate(environment).trial


@pytest.mark.parametrize("service", EVENT_SERVICES)
def test_service_has_a_key_for_each_role(service: str) -> None:
    read = _settings(service).model_validate(_fields(COMPOSE[service]["environment"]))
    assert isinstance(read, ServiceSettings)
    assert len(read.api_keys.entries) == len(ROLES)


@pytest.mark.parametrize("service", SERVICES)
def test_service_does_not_start_with_published_secrets_except_in_a_trial(service: str) -> None:
    environment, settings = _fields(COMPOSE[service]["environment"]), _settings(service)
    refused = {
        line.partition(":")[0] for line in weak_secrets(settings.model_validate(environment))
    }
    assert "UPSTAIRS_DATABASE_URL, password" in refused
    if service in EVENT_SERVICES:
        assert "UPSTAIRS_API_KEYS, key of admin" in refused
        assert "UPSTAIRS_TOKEN_ISSUERS, key 1 of http" in refused
    published = [name.upper() for name, value in environment.items() if "dev-only" in value]
    assert all(any(line.startswith(f"UPSTAIRS_{name}") for line in refused) for name in published)


@pytest.mark.parametrize("service", SERVICES)
def test_only_the_migration_has_the_password_of_the_owner(service: str) -> None:
    environment = COMPOSE[f"migrate-{service}"]["environment"]
    assert list(environment) == ["UPSTAIRS_MIGRATION_URL"]
    password = COMPOSE["schemas"]["environment"]["UPSTAIRS_OWNER_PASSWORD"]
    url = environment["UPSTAIRS_MIGRATION_URL"]
    assert f"//{owner_role(service)}:{password}@postgres:5432/upstairs" in url
    assert password not in json.dumps(COMPOSE[service]["environment"])


def test_public_process_of_notifier_delivers_nothing() -> None:
    public, worker = COMPOSE["notifier"], COMPOSE["notifier-worker"]
    shared = {**worker["environment"], "UPSTAIRS_PARTS": "http"}
    # What signs events, and what the public process has no use for.
    del shared["UPSTAIRS_EVENT_SIGNING_KEY"]
    assert public["environment"] == shared
    assert worker["environment"]["UPSTAIRS_PARTS"] == "workers"
    assert worker["image"] == public["image"]
    assert _conditions("notifier-worker") == _conditions("notifier")


@pytest.mark.parametrize("service", SERVICES)
def test_role_and_service_have_the_same_password(service: str) -> None:
    password = COMPOSE["schemas"]["environment"][f"PASSWORD_{service}"]
    url = COMPOSE[service]["environment"]["UPSTAIRS_DATABASE_URL"]
    assert f"//upstairs_{service}:{password}@postgres:5432/upstairs" in url


def test_image_sets_only_common_settings() -> None:
    names = re.findall(r"\bUPSTAIRS_(\w+)=", DOCKERFILE)
    assert names
    assert {name.lower() for name in names} <= ServiceSettings.model_fields.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_service_starts_after_its_jobs(service: str) -> None:
    servers = {"postgres": HEALTHY, "kafka": HEALTHY, "topics": COMPLETED}
    if service == "console":
        servers = {"postgres": HEALTHY}
    assert _conditions(service) == {**servers, f"migrate-{service}": COMPLETED}
    assert _conditions(f"migrate-{service}") == {"schemas": COMPLETED}


def test_jobs_start_after_their_servers() -> None:
    assert _conditions("schemas") == {"postgres": HEALTHY}
    assert _conditions("topics") == {"kafka": HEALTHY}


def test_up_wait_accepts_finished_jobs() -> None:
    awaited = {
        dependency
        for name in COMPOSE
        for dependency, condition in _conditions(name).items()
        if condition == COMPLETED
    }
    assert {"schemas", "topics", *(f"migrate-{service}" for service in SERVICES)} == JOBS
    assert awaited == JOBS


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in COMPOSE.values() for port in service.get("ports", ())]
    assert len(ports) == len(set(ports)) == len(SERVICES)
    assert all(port.startswith("127.0.0.1:") and port.endswith(":8000") for port in ports)
    assert all("network_mode" not in service for service in COMPOSE.values())


def test_default_secrets_say_dev_only() -> None:
    secret = re.compile(
        r"\$\{(UPSTAIRS_\w*(?:PASSWORD|SECRET|TOKEN|(?:API|ENCRYPTION)_KEYS|SIGNING_KEY)):-([^}]*)\}"
    )
    secrets = secret.findall(SOURCE)
    assert len({name for name, _ in secrets}) >= 9
    assert not [name for name, default in secrets if default and "dev-only" not in default]


def test_public_process_cannot_sign_events() -> None:
    """The public process of the notifier, which strangers reach, has no key."""
    processes = {
        name: _fields(container["environment"])
        for name, container in COMPOSE.items()
        if name.split("-")[0] in SERVICES
    }
    signers = {name: env for name, env in processes.items() if "event_signing_key" in env}
    assert signers.keys() == {"intake", "router", "escalation", "notifier-worker"}
    for name, environment in signers.items():
        service = name.split("-")[0]
        settings = _settings(service).model_validate(environment)
        assert isinstance(settings, ServiceSettings)
        settings.check_signing(service)
        assert json.dumps(PARSED).count(environment["event_signing_key"]) == 1


def test_services_believe_the_tokens_of_the_console() -> None:
    settings = ConsoleSettings.model_validate(_fields(COMPOSE["console"]["environment"]))
    published = read_keys(settings.token_keys.all).as_dict(private=False)
    for service in EVENT_SERVICES:
        (issuer,) = _fields(COMPOSE[service]["environment"])["token_issuers"]
        assert issuer["issuer"] == settings.public_url
        assert issuer["audience"] == settings.token_audience
        assert [public_key_of(key)["kid"] for key in issuer["public_keys"]] == [
            key["kid"] for key in published["keys"]
        ]


def test_images_are_pinned() -> None:
    images = {name: service["image"] for name, service in COMPOSE.items()}
    assert images["postgres"] == POSTGRES_IMAGE
    assert images["kafka"] == KAFKA_IMAGE
    bases = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)
    tags = [image.rpartition(":")[2] for image in (*images.values(), *bases)]
    assert bases
    assert all(tags)
    assert "latest" not in tags


def test_own_containers_run_confined() -> None:
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.MULTILINE)
    for name in {*SERVICES, "notifier-worker", *JOBS}:
        assert COMPOSE[name]["read_only"]
        assert COMPOSE[name]["cap_drop"] == ["ALL"]
        assert "user" not in COMPOSE[name]


def test_requirements_of_each_image_are_pinned_with_hashes() -> None:
    for name in (*SERVICES, "build"):
        text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
        pinned = re.findall(r"^[a-z][\w.-]*==.*(?:\n    --hash=sha256:\w+.*)+$", text, re.MULTILINE)
        assert len(pinned) == len(re.findall("^[a-z]", text, re.MULTILINE)) > 0
