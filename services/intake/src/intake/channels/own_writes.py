"""What Upstairs wrote into a system comes back as an update of that system: it is no news.

The notifier marks what it writes: notes by their last line, changes by the name of the client.
"""

import re
from collections.abc import Collection
from typing import Final

# The name by which the notifier calls: Salesforce and Dynamics repeat it.
CLIENT: Final = "upstairs"
_MARK: Final = re.compile(r"\[upstairs:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\]\s*\Z")
_MARK_CHARACTERS: Final = 80


def is_own_note(text: str, account: str | None, own_users: Collection[str]) -> bool:
    """Return whether we wrote an internal note; ask for no other, since customers can copy it."""
    return account in own_users or _MARK.search(text[-_MARK_CHARACTERS:]) is not None
