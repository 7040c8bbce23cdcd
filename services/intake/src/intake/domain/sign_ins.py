"""How intake signs in to outside systems as an app, and when it stops trying.

The same credentials are not sent for ever once the token server has refused them: it may lock the
app.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

# A new secret takes some minutes until all servers know it. So it is tried that often and that far
# apart, however many ask for a token meanwhile.
_REFUSALS_UNTIL_STOP: Final = 3
REFUSAL_INTERVAL: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where a token is asked for, and by which forms: the second counts if the first is refused.

    `version` is that of the connection: one that was changed is tried again.
    """

    url: str
    forms: tuple[Mapping[str, str], ...] = field(repr=False)
    version: int

    @property
    def fingerprint(self) -> str:
        """Name the credentials without telling them: they are too strong to be guessed."""
        content = json.dumps(
            [self.url, self.version, [sorted(form.items()) for form in self.forms]]
        )
        return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SignInRefusal:
    """`credentials` is the fingerprint of those that were refused so many times in a row."""

    kind: str
    connection: str
    credentials: str
    refusals: int
    reason: str
    refused_at: datetime

    def stops(self, sign_in: SignIn) -> bool:
        return self.refusals >= _REFUSALS_UNTIL_STOP and self.credentials == sign_in.fingerprint

    def holds_back(self, sign_in: SignIn, now: datetime) -> bool:
        """Tell whether these credentials were refused a moment ago."""
        is_recent = now < self.refused_at + REFUSAL_INTERVAL
        return is_recent and self.credentials == sign_in.fingerprint
