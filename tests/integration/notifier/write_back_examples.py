"""What tests of write-backs share: settings, escalations of cases, and the writer at work."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import httpx
import msgspec

from common.contracts.escalations import (
    EscalationAcknowledged,
    EscalationClosed,
    EscalationHandedBack,
    EscalationRaised,
    EscalationReopened,
    EscalationResolved,
    PagesErased,
)
from common.core.clock import TimeSource
from common.core.ids import new_id
from integration.notifier.conftest import ServiceHarness, key, open_api
from support.case_systems import CLIENT_ID, CLIENT_SECRET, TENANT, ZENDESK_EMAIL, ZENDESK_TOKEN
from support.service_harness import ENCRYPTION_KEY
from support.waiting import until

E = TypeVar("E")

TICKET = "5158"
ZENDESK = "/v1/write-backs/zendesk/acme"
ZENDESK_STEPS: Mapping[str, Any] = {
    "escalated": {
        "note": True,
        "priority": "urgent",
        "fields": {"360001": "supervisor"},
        "tags": ["escalated"],
    },
    "acknowledged": {"note": True},
    "resolved": {"note": True, "priority": "normal"},
}
API_TOKEN = {"type": "api_token", "email": ZENDESK_EMAIL, "token": ZENDESK_TOKEN}
CLIENT_CREDENTIALS = {
    "type": "client_credentials",
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
}
ENTRA_CREDENTIALS = {**CLIENT_CREDENTIALS, "tenant_id": TENANT}


def write_back_settings(url: str) -> dict[str, Any]:
    return {
        "encryption_keys": ENCRYPTION_KEY,
        "write_back_systems": (url,),
        "write_back_login_url": url,
        "console_url": "https://console.example.com",
    }


def writing(harness: ServiceHarness, url: str) -> AbstractAsyncContextManager[Any]:
    """Write while the block runs."""
    return harness.delivering(**write_back_settings(url))


@asynccontextmanager
async def managing(harness: ServiceHarness, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Open the API for a manager."""
    async with open_api(harness, **write_back_settings(url)) as api:
        api.headers.update(key("mona"))
        yield api


async def set_up(
    harness: ServiceHarness, url: str, path: str = ZENDESK, **changes: Any
) -> httpx.Response:
    """Let a manager set what is written to a connection."""
    body = {
        "state": "active",
        "base_url": url,
        "credentials": API_TOKEN,
        "steps": ZENDESK_STEPS,
        **changes,
    }
    async with managing(harness, url) as api:
        answer = await api.put(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer


class EscalatedCase:
    """The events of one escalation, whose contact is a case of an outside system."""

    def __init__(self, system: str | None = "zendesk:acme", ref: str | None = TICKET) -> None:
        self._fields = {"contact_id": new_id(), "escalation_id": new_id()}
        self._origin = {"received_from": system, "external_ref": ref}

    @property
    def contact_id(self) -> str:
        return self._fields["contact_id"]

    def raised(self) -> EscalationRaised:
        return self._event(
            EscalationRaised,
            **self._origin,
            cause="customer_request",
            reason="I want to speak to your boss",
            severity="high",
            ladder_id="default",
            ladder_version=1,
            level=0,
            level_name="supervisor",
        )

    def acknowledged(self) -> EscalationAcknowledged:
        at = TimeSource().utc_now().isoformat()
        return self._event(EscalationAcknowledged, by="dana", lease_expires_at=at)

    def handed_back(self) -> EscalationHandedBack:
        return self._event(EscalationHandedBack, by="dana", guidance="Offer a refund")

    def resolved(self) -> EscalationResolved:
        return self._event(
            EscalationResolved, by="dana", outcome="refund", note="All of it", level=0
        )

    def reopened(self) -> EscalationReopened:
        return self._event(
            EscalationReopened,
            by="mona",
            reason="The refund did not arrive",
            severity="critical",
            level=1,
            level_name="manager",
        )

    def closed(self) -> EscalationClosed:
        return self._event(EscalationClosed, reason="the contact was resolved")

    def erased(self) -> PagesErased:
        fields = {"contact_id": self.contact_id, "occurred_at": TimeSource().utc_now()}
        return msgspec.convert(fields, PagesErased)

    def _event(self, kind: type[E], **fields: Any) -> E:
        return msgspec.convert(
            {**self._fields, "occurred_at": TimeSource().utc_now(), **fields}, kind
        )


async def write_states(harness: ServiceHarness) -> list[tuple[str, str]]:
    """Return the step and the state of each write, the oldest first."""
    read = await harness.rows(
        "SELECT facts ->> 'step', state FROM case_writes ORDER BY requested_at, write_id"
    )
    return [tuple(row) for row in read]


async def all_written(harness: ServiceHarness) -> list[tuple[str, str]]:
    """Wait until each write is written; return them."""
    return await until(
        lambda: write_states(harness),
        lambda writes: writes and all(state == "written" for _, state in writes),
    )


async def list_writes(
    harness: ServiceHarness, url: str, query: str = "", path: str = ZENDESK
) -> list[dict[str, Any]]:
    async with managing(harness, url) as api:
        answer = await api.get(f"{path}/writes{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def has_refused(harness: ServiceHarness, times: int) -> bool:
    """Tell whether the credentials were refused so often in a row."""
    (row,) = await harness.rows("SELECT refusals FROM write_backs")
    return bool(row.refusals == times)
