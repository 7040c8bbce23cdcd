"""What the words of customers fill in, who sees it, and the preview of other rules."""

import httpx

from common.storage.database import Database
from intake.store import UnitOfWork
from integration.intake.harness import accept, assign, key, published_data

TEXT = "My husband passed away. I was charged twice for his phone, it is urgent!"


async def test_vulnerability_is_published_once_and_shown_to_staff_alone(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=TEXT)
    await assign(database, contact_id)
    path = f"/v1/contacts/{contact_id}"
    message = {"author": "customer", "text": "As I said: my late husband."}
    assert (await api.post(f"{path}/messages", json=message)).status_code == 201
    (noticed,) = await published_data(database, "vulnerability_noticed")
    assert noticed["kinds"] == ["bereavement"]
    shown = await api.get(path, headers=key("representative"))
    assert shown.json()["vulnerability"] == ["bereavement"]
    assert (await api.get(path)).json()["vulnerability"] == []


async def test_preview_shows_what_rules_would_change_and_changes_nothing(
    api: httpx.AsyncClient, database: Database[UnitOfWork]
) -> None:
    contact_id = await accept(api, text=TEXT)
    await accept(api, text="Where is my parcel?")
    before = (await api.get(f"/v1/contacts/{contact_id}")).json()
    rules = {
        "topics": {"double-charge": ["charged twice"]},
        "vague_topics": [before["topic"]],
        "urgency_priority": "urgent",
    }
    answer = await api.post(
        "/v1/understanding/preview", json={"rules": rules}, headers=key("admin")
    )
    assert answer.status_code == 200
    (change,) = answer.json()["changes"]
    assert (change["contact_id"], change["topic"], change["priority"]) == (
        contact_id,
        "double-charge",
        "urgent",
    )
    assert change["evidence"][:2] == ["charged twice", "urgent"]
    assert answer.json()["topics"] == {"double-charge": 1}
    assert answer.json()["contacts"] == 2
    assert (await api.get(f"/v1/contacts/{contact_id}")).json() == before
