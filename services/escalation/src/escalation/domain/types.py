"""What ids and names may look like: printable, for every store and screen."""

from typing import Annotated

from pydantic import StringConstraints

from common.contracts.event import ID_PATTERN, PersonId

SettingId = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]
StaffId = Annotated[PersonId, StringConstraints(pattern=f"^{ID_PATTERN}$")]
Label = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,100}$")]
