"""What ids and names may look like: printable, for every store and screen."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from common.contracts.event import ID_PATTERN, PersonId
from common.core.text import one_line


def _is_one_line(text: str) -> str:
    if one_line(text) != text:
        raise ValueError("must be one line, without invisible characters or needless spaces")
    return text


SettingId = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]
StaffId = Annotated[PersonId, StringConstraints(pattern=f"^{ID_PATTERN}$")]
# Refused, not mended: others may refer to a setting by it.
Label = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,100}$"), AfterValidator(_is_one_line)
]
