"""Every operation of every service answers text and numbers that it can't hold with 4xx, never 5xx.

Generated from the OpenAPI documents: each hostile value in each parameter and each field.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from common.contracts.event import NotificationId
from common.contracts.services import EVENT_SERVICES
from common.core.clock import TimeSource
from common.core.ids import new_id
from common.http.pagination import encode_cursor
from common.http.webhooks import SignatureScheme
from integration.common.service_apis import SETTINGS, SLACK_SECRET, open_api
from notifier.links import Links
from support.databases import Postgres
from support.openapi import document_of

_TEXTS = ("a\x00b", "\ud800", "x" * 3000, "9" * 30, "\u202e", "", "😀" * 60, "1e400", "-1")
_VALUES: tuple[Any, ...] = (
    *_TEXTS,
    10**40,
    -(2**63),
    2**31,
    1e300,
    float("nan"),
    float("inf"),
    {"a\x00": "b"},
    {"a": {"\ud800": "\udfff"}},
    {"a": 2**70},
    [["x\x00"]],
    None,
    True,
)
_PATH_TEXTS = (
    "%00",
    "a%00b",
    "%ED%A0%80",
    "%FF",
    "x" * 3000,
    "9" * 30,
    "-1",
    "%E2%80%AE",
    new_id(),
)
# A stream does not end.
_ENDLESS = {"/v1/escalations/stream"}


class Operations:
    """The operations of a service's OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def __iter__(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for path, methods in self._document["paths"].items():
            for method, operation in methods.items():
                if path not in _ENDLESS:
                    yield method, path, operation

    def body(self, operation: Mapping[str, Any]) -> Any:
        """Return a body that is as good as its schema tells; None if it takes no JSON."""
        content = operation.get("requestBody", {}).get("content", {})
        media = content.get("application/json")
        return None if media is None else self._example(media["schema"])

    def _example(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        schema = self._resolve(schema)
        for examples in (
            schema.get("examples"),
            [schema["example"]] if "example" in schema else [],
        ):
            if examples:
                return copy.deepcopy(examples[0])
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if "default" in schema and schema["default"] is not None:
            return copy.deepcopy(schema["default"])
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                return self._example(schema[choice][0], depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        match schema.get("type"):
            case "object":
                return {
                    name: self._example(part, depth + 1)
                    for name, part in schema.get("properties", {}).items()
                    if depth < 6
                }
            case "array":
                return [self._example(schema["items"], depth + 1)] if depth < 6 else []
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return False
            case "null":
                return None
            case _:
                formats = {"uuid": new_id(), "date-time": "2026-03-02T09:30:00Z"}
                return formats.get(schema.get("format", ""), new_id())

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in schema:
            return schema
        resolved = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return {**resolved, **{name: part for name, part in schema.items() if name != "$ref"}}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of every value in a body, and of a field that it does not have."""
    if isinstance(value, dict):
        yield (*path, "unknown field")
        for name, part in value.items():
            yield (*path, name)
            yield from places(part, (*path, name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield (*path, number)
            yield from places(part, (*path, number))


def changed(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    result = copy.deepcopy(body)
    parent = result
    for step in place[:-1]:
        parent = parent[step]
    parent[place[-1]] = value
    return result


class Attacker:
    """Sends requests, and keeps those that were answered as our failure."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api
        self.failures: list[str] = []
        self.count = 0

    async def send(self, method: str, url: str, **request: Any) -> None:
        self.count += 1
        answer = await self._api.request(method, url, **request)
        if answer.status_code >= 500:
            self.failures.append(f"{method} {url[:120]} {str(request)[:300]}: {answer.text[:200]}")
        elif answer.status_code >= 400 and "problem+json" not in answer.headers["content-type"]:
            self.failures.append(f"{method} {url[:120]}: no problem")

    async def send_json(self, method: str, url: str, body: Any, **request: Any) -> None:
        headers = {"Content-Type": "application/json", **request.pop("headers", {})}
        content = json.dumps(body).encode()
        await self.send(method, url, content=content, headers=headers, **request)


def filled(path: str, operation: Mapping[str, Any], **values: str) -> str:
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            schema = parameter["schema"]
            plain = "1" if schema.get("type") == "integer" else new_id()
            name = parameter["name"]
            path = path.replace(f"{{{name}}}", values.get(name, plain))
    return path


async def attack_parameters(
    attacker: Attacker, method: str, path: str, operation: Mapping[str, Any], body: Any
) -> None:
    needed = {"content": json.dumps(body)} if body is not None else {}
    json_type = {"Content-Type": "application/json"} if body is not None else {}
    for parameter in operation.get("parameters", ()):
        name, place = parameter["name"], parameter["in"]
        for text in _PATH_TEXTS:
            if place == "path":
                url = filled(path, operation, **{name: text})
                await attacker.send(method, url, headers=json_type, **needed)
            elif place == "query":
                url = f"{filled(path, operation)}?{name}={text}"
                await attacker.send(method, url, headers=json_type, **needed)
        for raw in (b"\x00", b"\xff\xfe", b"x" * 3000, b"9" * 30, b"\xed\xa0\x80", b"a\x00b", b""):
            if place == "header":
                headers = {**json_type, name: raw}
                await attacker.send(method, filled(path, operation), headers=headers, **needed)


async def attack_cursors(
    attacker: Attacker, method: str, path: str, operation: Mapping[str, Any]
) -> None:
    if not any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())):
        return
    keys: tuple[Any, ...] = (
        "\x00", "x" * 100, -1, 2**63 - 1, 2**64 - 1, None, [], {}, ["\x00", "\x00"],
        ["0001-01-01T00:00:00+14:00", "\x00"], ["9999-12-31T23:59:59-14:00", new_id()],
        [1e308, new_id()], [0, "x"],
    )  # fmt: skip
    for key in keys:
        for filters in (None, {}, {"state": ["waiting"], "type": None}):
            cursor = quote(encode_cursor(key, filters))
            await attacker.send(method, f"{filled(path, operation)}?cursor={cursor}")
    for text in ("%00", "AA", "W10", "*", quote("é")):
        await attacker.send(method, f"{filled(path, operation)}?cursor={text}")


@pytest.mark.parametrize("service", EVENT_SERVICES)
async def test_no_operation_fails_on_hostile_values(
    postgres: Postgres, database_name: str, service: str
) -> None:
    async with open_api(postgres, database_name, service) as api:
        operations = Operations(document_of(service))
        attacker = Attacker(api)
        for method, path, operation in operations:
            body = operations.body(operation)
            await attack_parameters(attacker, method, path, operation, body)
            await attack_cursors(attacker, method, path, operation)
            url = filled(path, operation)
            for place in places(body):
                for value in _VALUES:
                    await attacker.send_json(method, url, changed(body, place, value))
        assert attacker.count > 100
        assert not attacker.failures, "\n".join(dict.fromkeys(attacker.failures[:40]))


@pytest.mark.parametrize("service", EVENT_SERVICES)
async def test_no_operation_fails_on_bodies_that_are_no_json(
    postgres: Postgres, database_name: str, service: str
) -> None:
    deep = 5000
    bodies = (
        b"", b"\x00", b"null", b"[]", b'"x"', b"{", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}",
        b'{"a": "\xed\xa0\x80"}', b'{"\\ud800": 1}', b'{"a": "\\u0000"}', b'{"a": NaN}',
        b'{"a": ' + b"[" * deep + b"]" * deep + b"}", b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1e999}', b'{"a":' * 60 + b"1" + b"}" * 60, b"payload=%00", b"payload=%ED%A0%80",
        b"[" * 100_000,
    )  # fmt: skip
    types = ("application/json", "application/x-www-form-urlencoded", "text/plain", "")
    async with open_api(postgres, database_name, service) as api:
        operations = Operations(document_of(service))
        attacker = Attacker(api)
        for method, path, operation in operations:
            if method == "get":
                continue
            for body in bodies:
                for media in types:
                    headers = {"Content-Type": media} if media else {}
                    url = filled(path, operation)
                    await attacker.send(method, url, content=body, headers=headers)
        assert not attacker.failures, "\n".join(dict.fromkeys(attacker.failures[:40]))


async def test_malformed_signed_slack_forms_are_refused(
    postgres: Postgres, database_name: str
) -> None:
    press: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": "U1"},
        "actions": [{"action_id": "acknowledge", "value": "token"}],
    }
    payloads = [
        *(json.dumps(changed(press, at, value)) for at in places(press) for value in _VALUES),
        *(json.dumps(changed(press, ("actions", 0, "value"), token)) for token in _tokens()),
        *("null", "[]", "{", ""),
    ]
    forms = [
        *(urlencode({"payload": payload}).encode() for payload in payloads),
        *(b"", b"payload", b"payload=%00", b"payload=\xff", b"\xff=1", b"payload=%FF", b"&" * 2000),
        *(b"a=1&" * 2000, b"payload=" + b"[" * 100_000, b"payload={}&payload={}"),
    ]
    async with open_api(postgres, database_name, "notifier") as api:
        attacker = Attacker(api)
        for form in forms:
            await _send_as_slack(attacker, form, "application/x-www-form-urlencoded")
        assert not attacker.failures, "\n".join(attacker.failures[:40])


async def test_malformed_signed_slack_events_are_refused(
    postgres: Postgres, database_name: str
) -> None:
    opened = {"type": "app_home_opened", "user": "U1", "tab": "home"}
    event: dict[str, Any] = {"type": "event_callback", "event": opened}
    check: dict[str, Any] = {"type": "url_verification", "challenge": "3eZbrw1a"}
    bodies = [
        *(
            json.dumps(changed(body, at, value)).encode()
            for body in (event, check)
            for at in places(body)
            for value in _VALUES
        ),
        *(b"", b"null", b"[]", b"{", b"\xff", b"1" * 5000, b"[" * 100_000, b'{"type":"\\ud800"}'),
    ]
    async with open_api(postgres, database_name, "notifier") as api:
        attacker = Attacker(api)
        for body in bodies:
            await _send_as_slack(attacker, body, "application/json")
        assert not attacker.failures, "\n".join(attacker.failures[:40])


async def _send_as_slack(attacker: Attacker, body: bytes, media_type: str) -> None:
    scheme = SignatureScheme(encoding="hex", time_format="unix", prefix="v0=")
    timestamp = str(int(TimeSource().utc_now().timestamp()))
    signed = b":".join((b"v0", timestamp.encode(), body))
    headers = {
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": scheme.sign(SLACK_SECRET.encode(), signed),
        "Content-Type": media_type,
    }
    await attacker.send("POST", "/v1/callbacks/slack", content=body, headers=headers)


def _tokens() -> list[str]:
    """Return signed tokens of what is no id of a notification."""
    secret = str(SETTINGS["notifier"]["link_secret"])
    links = Links(secret, "http://notifier", timedelta(hours=1))
    texts = (*_TEXTS, "a\x00b" * 100)
    return [links.token(NotificationId(text), "show", 1) for text in texts if _fits(text)]


def _fits(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


async def test_signed_links_of_no_notification_are_refused(
    postgres: Postgres, database_name: str
) -> None:
    async with open_api(postgres, database_name, "notifier") as api:
        operations = Operations(document_of("notifier"))
        attacker = Attacker(api)
        for method, path, operation in operations:
            body = operations.body(operation)
            for token in _tokens() if "{token}" in path else ():
                url = filled(path, operation, token=quote(token))
                await attacker.send_json(method, url, body)
        assert attacker.count
        assert not attacker.failures, "\n".join(attacker.failures[:40])


async def test_hostile_values_about_a_contact_that_exists_are_refused(
    postgres: Postgres, database_name: str
) -> None:
    """The other tests mostly ask for what does not exist, and so get no further than that."""
    async with open_api(postgres, database_name, "intake") as api:
        operations = Operations(document_of("intake"))
        paths = {(method, path): operation for method, path, operation in operations}
        contact = operations.body(paths["post", "/v1/contacts"])
        attacker = Attacker(api)
        for (method, path), operation in paths.items():
            if "{contact_id}" not in path:
                continue
            body = operations.body(operation)
            received = await api.post("/v1/contacts", json=contact)
            url = filled(path, operation, contact_id=received.json()["contact_id"])
            for place in places(body):
                for value in _VALUES:
                    await attacker.send_json(method, url, changed(body, place, value))
            await attacker.send_json(method, url, body)
        assert not attacker.failures, "\n".join(attacker.failures[:40])
