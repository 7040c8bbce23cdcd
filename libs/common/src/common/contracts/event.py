"""What every event has: a type, a topic, a key that orders it, and when it happened."""

import re
from typing import Any, ClassVar, Final, Literal, NewType

from common.contracts.contract import Contract, Instant

ComplaintId = NewType("ComplaintId", str)
ContactId = NewType("ContactId", str)
CustomerId = NewType("CustomerId", str)
EscalationId = NewType("EscalationId", str)
MessageId = NewType("MessageId", str)
NotificationId = NewType("NotificationId", str)
PageId = NewType("PageId", str)
# Anyone who works here: representative, supervisor, manager, director. One id across services.
PersonId = NewType("PersonId", str)
TeamId = NewType("TeamId", str)
# A system, as events and tables name it: `channel:shop`, `zendesk:support`, `admin:ops`. The colon
# keeps it apart from a person's id.
SystemName = NewType("SystemName", str)

# A UUID as PostgreSQL writes it: an id that we make.
UUID_PATTERN: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# An id that others choose: of a person, a team, a setting.
ID_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,99}"


# The largest event, as JSON. Kafka takes a megabyte, headers and a batch's overhead included; what
# PostgreSQL makes of the JSON (spaces, long numbers) fits into the rest.
MAX_EVENT_BYTES: Final = 256 * 1024

# The person to page about the system itself; the notifier has a recipient of this name.
OPERATIONS: Final = PersonId("operations")
# What an API key allows; an admin may do all.
Role = Literal["channel", "representative", "supervisor", "manager", "admin"]
# What a token of an issuer allows: no claim makes an admin or a channel.
PersonRole = Literal["representative", "supervisor", "manager"]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class Event(Contract):
    """A fact, published once by the service that owns it.

    The events of one key in one topic are numbered and keep their order.
    """

    type: ClassVar[str]
    topic: ClassVar[str]
    # What a key of such an event looks like; a record with any other key is malformed.
    key_pattern: ClassVar[re.Pattern[str]]

    occurred_at: Instant

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = f"upstairs.{_snake(cls.__name__)}.v1"

    @property
    def key(self) -> str:
        raise NotImplementedError


class ContactEvent(Event):
    """A fact about one contact."""

    key_pattern = re.compile(UUID_PATTERN)

    contact_id: ContactId

    @property
    def key(self) -> str:
        return self.contact_id


class PersonEvent(Event):
    """A fact about one person who works here."""

    key_pattern = re.compile(ID_PATTERN)

    person_id: PersonId

    @property
    def key(self) -> str:
        return self.person_id
