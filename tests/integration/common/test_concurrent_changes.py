"""Many changes of one thing at the same moment: each is done or refused, and none fails."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import httpx
import pytest

from common.core.clock import TimeSource
from common.core.ids import new_id
from integration.common.service_apis import open_api
from support.databases import Postgres

# What the caller number so-and-so asks: method, path, body and headers.
Request: TypeAlias = tuple[str, str, Any, dict[str, str]]
AT_ONCE = 200


def _in_hours(number: int) -> str:
    return (TimeSource().utc_now() + timedelta(hours=1 + number % 20)).isoformat()


def _connection(number: int) -> Request:
    path = "/v1/channels/zendesk/acme"
    body = {
        "secret": f"8f742231b10e8888abcd99yyyzzz85a{number % 3}",
        "state": ("active", "paused")[number % 2],
    }
    if number % 5 == 0:
        return "DELETE", path, None, {}
    if number % 5 == 1:
        return "PUT", path, body, {"If-Match": f'"{number}"'}
    if number % 5 == 2:
        return "PUT", path, body, {"If-None-Match": "*"}
    if number % 5 == 3:
        return "POST", f"{path}/test", {"body": "{}", "headers": {}}, {}
    return "PUT", path, body, {}


def _customers(number: int) -> Request:
    named = f"c{number // 6 % 3}"
    first, second = f"admin:root:{named}", f"admin:root:c{(number // 6 + number % 2 + 1) % 3}"
    if number % 6 == 0:
        return "POST", f"/v1/customers/{first}/erase", None, {}
    if number % 6 == 1:
        return "POST", f"/v1/customers/{first}/unmerge", {"reason": "two people"}, {}
    if number % 6 == 2:
        contact = {
            "channel": "chat",
            "subject": "Where is it?",
            "topic": "orders",
            "external_ref": f"{named}-chat-{number % 4}",
            "customer": {
                "customer_id": named,
                "name": "Ada",
                "addresses": [{"kind": "email", "address": "ada@example.com", "verified": True}],
            },
        }
        return "POST", "/v1/contacts", contact, {"Idempotency-Key": f"key-{number}"}
    if number % 6 == 3:
        return "GET", f"/v1/customers/{first}", None, {}
    return "POST", f"/v1/customers/{first}/merge", {"into": second, "reason": "the same"}, {}


def _status_webhook(number: int) -> Request:
    path = "/v1/status-webhooks/channel:shop"
    put = {"url": f"https://shop.example.com/{number}"}
    match number % 6:
        case 0:
            return "DELETE", path, None, {}
        case 1:
            return "POST", f"{path}/rotate-secret", {"overlap_hours": 1}, {}
        case 2:
            return "POST", f"{path}/replay", {}, {}
        case 3:
            return "PUT", path, put, {"If-None-Match": "*"}
        case _:
            return "PUT", path, put, {}


def _write_back(number: int) -> Request:
    path = "/v1/write-backs/zendesk/acme"
    put = {
        "state": "active",
        "base_url": "https://acme.zendesk.com",
        "credentials": {
            "type": "api_token",
            "email": "ada@example.com",
            "token": "a token of the tests",
        },
        "steps": {"escalated": {"note": True}},
    }
    match number % 5:
        case 0:
            return "DELETE", path, None, {}
        case 1:
            return "POST", f"{path}/writes/{new_id()}/retry", None, {}
        case 2:
            return "PUT", path, put, {"If-None-Match": "*"}
        case _:
            return "PUT", path, put, {}


def _adjustment(number: int) -> Request:
    path = "/v1/representatives/rita/adjustment"
    put = {"reason": "in training", "ends_at": _in_hours(number), "capacity": number % 4 + 1}
    person = {
        "name": "Rita",
        "roles": ["representative"],
        "team_id": ("front", "back")[number % 2],
        "skills": ["billing"],
        "languages": ["en"],
        "active": number % 8 != 7,
    }
    match number % 6:
        case 0:
            return "DELETE", path, None, {}
        case 1:
            return "PUT", path, put, {"If-None-Match": "*"}
        case 2:
            return "PUT", "/v1/people/rita", person, {}
        case 3:
            return "PUT", "/v1/representatives/rita", {"capacity": 2}, {}
        case _:
            return "PUT", path, put, {}


def _recipient(number: int) -> Request:
    media = [
        {"medium": "slack", "channel": f"D{number % 2}", "user_id": f"U{number % 2}"},
        {"medium": "email", "address": f"{number % 3}@example.com"},
    ]
    put = {"name": "Ada", "media": media[number % 3 % 2 :], "time_zone": "Europe/Lisbon"}
    return "PUT", f"/v1/recipients/{('ada', 'bob')[number % 2]}", put, {}


CASES: Sequence[tuple[str, Callable[[int], Request]]] = (
    ("intake", _connection),
    ("intake", _customers),
    ("notifier", _status_webhook),
    ("notifier", _write_back),
    ("notifier", _recipient),
    ("router", _adjustment),
)


@pytest.mark.parametrize(("service", "ask"), CASES, ids=[ask.__name__[1:] for _, ask in CASES])
async def test_changes_of_one_moment_are_done_or_refused(
    postgres: Postgres, database_name: str, service: str, ask: Callable[[int], Request]
) -> None:
    async with open_api(postgres, database_name, service) as api:

        async def send(number: int) -> httpx.Response:
            method, path, body, headers = ask(number)
            return await api.request(method, path, json=body, headers=headers, timeout=120)

        # What there must be first.
        for number in range(18):
            await send(number)
        answers = await asyncio.gather(*(send(number) for number in range(AT_ONCE)))
    # What is asked is right, so it is done, or somebody else came first.
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() <= {200, 201, 202, 204, 404, 409, 412}, statuses
    assert any(status < 300 for status in statuses)
