"""Ids that outside systems choose: opaque texts, the same everywhere where one stands."""

import unicodedata
from urllib.parse import quote

import httpx
import pytest

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import CONTACT, deliver, key, published_data, zendesk_body
from support.databases import rows

IDS = [
    "jane+shop@example.com",
    "+15005550006",
    "j\u00f6rg@m\u00fcller.de",
    "\u5ba2\u6237 42",
    "urn:customer:7/8?x=1#y",
    "100%",
    "a%2Fb",
    "..",
    "/",
    "O'Neil; DROP TABLE contacts",
    "<jane@example.com>",
    "\U0001f600",
    "x" * 300,
]


@pytest.mark.parametrize("text", IDS)
async def test_opaque_id_is_taken_shown_listed_and_erased(
    api: httpx.AsyncClient, database: Database[UnitOfWork], text: str
) -> None:
    body = {**CONTACT, "customer": {"customer_id": text, "name": "Jo"}, "external_ref": text}
    made = await api.post("/v1/contacts", json=body)
    assert made.status_code == 201, made.text
    shown = (await api.get(f"/v1/contacts/{made.json()['contact_id']}")).json()
    assert (shown["customer_id"], shown["external_ref"]) == (f"channel:shop:{text}", text)
    for filters in ({"external_ref": text}, {"customer": f"channel:shop:{text}"}):
        listed = (await api.get("/v1/contacts", params=filters)).json()["items"]
        assert [item["contact_id"] for item in listed] == [shown["contact_id"]]
    (received,) = await published_data(database, "contact_received")
    assert received["external_ref"] == text

    path = f"/v1/customers/{quote(f'channel:shop:{text}', safe='')}/erase"
    erased = await api.post(path, headers=key("admin"))
    assert (erased.status_code, erased.json()["contacts"]) == (202, 1)


# Clients resolve `..` in an address themselves.
@pytest.mark.parametrize("text", [text for text in IDS if text != ".."])
async def test_opaque_id_of_a_survey_is_answered_by_its_path(
    api: httpx.AsyncClient, text: str
) -> None:
    contact_id = (await api.post("/v1/contacts", json=CONTACT)).json()["contact_id"]
    await api.post(f"/v1/contacts/{contact_id}/resolve", json={})
    surveys = f"/v1/contacts/{contact_id}/surveys"
    sent = await api.post(surveys, json={"survey_id": text, "kind": "csat"})
    assert sent.status_code == 201
    path = f"{surveys}/{quote(text, safe='')}/answer"
    answered = await api.post(path, json={"scale": "1-5", "score": 4})
    assert (answered.status_code, answered.json()["survey_id"]) == (202, text)


@pytest.mark.parametrize("text", IDS)
async def test_opaque_id_of_a_ticket_is_taken(
    zendesk: httpx.AsyncClient, database: Database[UnitOfWork], text: str
) -> None:
    body = zendesk_body(ticket={"id": text, "requester_id": text})
    assert (await deliver(zendesk, body)).status_code == 200
    (contact,) = await rows(database, "SELECT external_ref, customer_id FROM contacts")
    assert tuple(contact) == (text, f"zendesk:acme:{text}")


async def test_composed_and_decomposed_id_is_the_same(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    made = []
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, "j\u00f6rg@m\u00fcller.de")
        body = {**CONTACT, "customer": {"customer_id": text}, "external_ref": text}
        made.append((await api.post("/v1/contacts", json=body)).json()["contact_id"])
        listed = await api.get("/v1/contacts", params={"customer": f"channel:shop:{text}"})
        assert len(listed.json()["items"]) == 1
    assert made[0] == made[1]
    assert len(await rows(database, "SELECT customer_id FROM customers")) == 1
    decomposed = quote(unicodedata.normalize("NFD", "channel:shop:j\u00f6rg@m\u00fcller.de"))
    erased = await api.post(f"/v1/customers/{decomposed}/erase", headers=key("admin"))
    assert erased.status_code == 202


async def test_case_and_spaces_of_an_id_count(api: httpx.AsyncClient) -> None:
    made = [
        (await api.post("/v1/contacts", json={**CONTACT, "external_ref": text})).status_code
        for text in ("T-7", "t-7", "T-7 ", " T-7")
    ]
    assert made == [201] * 4


@pytest.mark.parametrize(
    "text", ["", " ", "a\nb", "a\tb", "a\x7f", "a\u0085", "a\u202eb", "x" * 301]
)
@pytest.mark.parametrize("field", ["external_ref", "customer_id"])
async def test_text_that_is_no_id_is_refused_by_its_place(
    api: httpx.AsyncClient, field: str, text: str
) -> None:
    customer = {"customer_id": text if field == "customer_id" else "c-1"}
    body = {**CONTACT, "customer": customer}
    if field == "external_ref":
        body["external_ref"] = text
    answer = await api.post("/v1/contacts", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].endswith(field)
