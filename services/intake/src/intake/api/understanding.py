"""What rules for customers' texts would make of past contacts."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, Field

from common.contracts.contacts import Priority
from common.contracts.event import ContactId
from common.http.access import ManagerUser
from common.http.app import RequestModel
from common.http.examples import CONTACT_ID, TOPIC, with_examples
from common.http.routes import ApiRouter
from intake.api.deps import IntakeDatabase, transaction
from intake.domain.understanding.signs import SignReader
from intake.settings import SignRulesIn
from intake.store.past_contacts import PastContact
from intake.text_reading import fill, read_text

router = ApiRouter(prefix="/v1/understanding", tags=["understanding"])

_MOST_CONTACTS = 1000
_RULES = {"topics": {TOPIC: ["charged twice", "invoice*"]}, "urgency_priority": "high"}


class PreviewIn(RequestModel):
    model_config = with_examples({"rules": _RULES, "last": 200})

    rules: SignRulesIn = Field(description="The rules, as the setting `understanding` has them.")
    last: int = Field(
        200, ge=1, le=_MOST_CONTACTS, description="How many of the newest contacts are read."
    )


class ChangeOut(BaseModel):
    contact_id: ContactId = Field(description="The contact.")
    topic: str | None = Field(description="The topic that it would have had; null if the same.")
    priority: Priority | None = Field(
        description="The priority that it would have had; null if the same."
    )
    vulnerability: list[str] = Field(description="The kinds of care that it does not show now.")
    evidence: list[str] = Field(description="The phrases of the rules that its text has.")


class PreviewOut(BaseModel):
    model_config = with_examples(
        {
            "contacts": 200,
            "topics": {TOPIC: 1},
            "changes": [
                {
                    "contact_id": CONTACT_ID,
                    "topic": TOPIC,
                    "priority": None,
                    "vulnerability": [],
                    "evidence": ["charged twice"],
                }
            ],
        }
    )

    contacts: int = Field(description="How many contacts were read.")
    topics: dict[str, int] = Field(description="How many contacts would change to each topic.")
    changes: list[ChangeOut] = Field(description="The contacts that would differ, newest first.")


@router.post("/preview")
async def preview(body: PreviewIn, database: IntakeDatabase, caller: ManagerUser) -> PreviewOut:
    """Show what rules would have made of the newest contacts. Nothing is changed.

    Only the first text of the customer is read, as it is when a contact comes in.
    """
    del caller
    async with transaction(database) as uow:
        past = await uow.past_contacts.latest(body.last)
    reader = SignReader(body.rules.rules())
    # Reading many texts takes longer than others should wait.
    changes = await asyncio.to_thread(_changes, past, reader)
    topics = Counter(change.topic for change in changes if change.topic is not None)
    return PreviewOut(contacts=len(past), topics=dict(topics), changes=changes)


def _changes(past: Sequence[PastContact], reader: SignReader) -> list[ChangeOut]:
    changes = (_change(contact, reader) for contact in past)
    return [change for change in changes if change.topic or change.priority or change.vulnerability]


def _change(contact: PastContact, reader: SignReader) -> ChangeOut:
    reading = read_text(contact.text, reader)
    needs, signs = fill(contact.needs, reading, reader), reading.findings
    findings = [signs.topic, signs.urgency, *signs.vulnerability]
    return ChangeOut(
        contact_id=contact.contact_id,
        topic=None if needs.topic == contact.needs.topic else needs.topic,
        priority=None if needs.priority == contact.needs.priority else needs.priority,
        vulnerability=[
            kind for kind in reading.signs.vulnerability if kind not in contact.vulnerability
        ],
        evidence=[finding.phrase for finding in findings if finding is not None],
    )
