"""Who can be reached and who serves which contacts, as notifier and router say."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.contracts.assignments import ContactUnserved
from common.contracts.escalations import PageRequested
from common.contracts.event import OPERATIONS, ContactId, PageId, PersonId
from common.contracts.page_subjects import PagedQueue
from common.core.ids import derived_id
from common.core.languages import language_distance

# Operations hear of a queue that nobody serves once in this time, however many contacts come.
QUIET_TIME = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class StaffGroup:
    """Active representatives with the same skills and languages."""

    skills: tuple[str, ...]
    languages: tuple[str, ...]

    def serves(self, topic: str, language: str | None) -> bool:
        if topic not in self.skills:
            return False
        return language is None or any(
            language_distance(language, spoken) is not None for spoken in self.languages
        )


@dataclass(frozen=True, slots=True)
class OpenNeed:
    """What so many open contacts need of their representative."""

    topic: str
    language: str
    contacts: int


@dataclass(frozen=True, slots=True)
class Staff:
    """`reachable` have a contact method; `open_needs` are those of most contacts."""

    reachable: Collection[PersonId] = ()
    groups: tuple[StaffGroup, ...] = ()
    open_needs: tuple[OpenNeed, ...] = ()

    def serves(self, topic: str, language: str | None = None) -> bool:
        """Tell whether an active representative may get such contacts, whatever the presence."""
        return any(group.serves(topic, language) for group in self.groups)


def page_about_queue(event: ContactUnserved, at: datetime) -> PageRequested:
    queue = "queue", event.queue
    return PageRequested(
        contact_id=ContactId(derived_id(*queue)),
        occurred_at=at,
        page_id=PageId(derived_id(*queue, "unserved", at.isoformat())),
        person_id=OPERATIONS,
        reason="unserved",
        unserved_queue=PagedQueue(queue=event.queue, fallback_queue=event.fallback_queue),
    )
