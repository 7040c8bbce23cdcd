"""What ids and names may look like: printable, for every store and screen."""

from typing import Annotated

from pydantic import StringConstraints

from common.contracts.event import PersonId

SettingId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]
# The notifier has a recipient of this name.
OPERATIONS = PersonId("operations")
StaffId = Annotated[PersonId, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,100}$")]
