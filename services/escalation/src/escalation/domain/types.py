"""What an id and a name may look like: printable, so that every store and screen takes them."""

from typing import Annotated

from pydantic import StringConstraints

from common.contracts.event import PersonId

SettingId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]
# The notifier knows it as a recipient of that name.
OPERATIONS = PersonId("operations")
Person = Annotated[PersonId, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,100}$")]
