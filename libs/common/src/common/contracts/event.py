"""What every event has: a type, a topic, the contact it is about, and when it happened."""

import re
from typing import Any, ClassVar, NewType

from pydantic import AwareDatetime, BaseModel, ConfigDict

ContactId = NewType("ContactId", str)
CustomerId = NewType("CustomerId", str)
EscalationId = NewType("EscalationId", str)
MessageId = NewType("MessageId", str)
NotificationId = NewType("NotificationId", str)
PageId = NewType("PageId", str)
# Anyone who works here: representative, supervisor, manager, director. One id across services.
PersonId = NewType("PersonId", str)
TeamId = NewType("TeamId", str)


class Contract(BaseModel):
    """A frozen part of an event. Unknown fields are ignored: a newer producer may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Contract):
    """A fact about one contact, published once by the service that owns the fact."""

    type: ClassVar[str]
    topic: ClassVar[str]

    contact_id: ContactId
    occurred_at: AwareDatetime

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = f"upstairs.{_snake(cls.__name__)}.v1"


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
