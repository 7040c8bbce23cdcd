"""What a case system is: a helpdesk or CRM whose cases can be written to."""

import re
from dataclasses import dataclass
from typing import ClassVar, Protocol

from pydantic import SecretStr

from common.http.app import RequestModel
from notifier.case_systems.http import CaseHttp
from notifier.domain.write_backs.settings import CredentialsType
from notifier.domain.write_backs.writes import CaseChange, Written


class Credentials(RequestModel):
    """As the API takes them and as they are stored, encrypted."""

    type: CredentialsType

    @property
    def account(self) -> str:
        """Whose they are; no secret."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are in the system: it names this user as the author of what we write."""

    user_id: str
    name: str | None = None


class CaseSystem(Protocol):
    """One connection; it is made for an attempt, or kept for as long as its settings are the same.

    `priorities` are those that can be set, `field_name` how fields are named there.
    `login_scope` is needed where another server gives the tokens.
    """

    credentials: ClassVar[tuple[type[Credentials], ...]]
    priorities: ClassVar[frozenset[str]]
    field_name: ClassVar[re.Pattern[str]]
    has_tags: ClassVar[bool] = False

    def __init__(self, http: CaseHttp, credentials: Credentials, login_url: str) -> None: ...

    async def read_account(self) -> Account:
        """Read who we are, which changes nothing; raises WriteFailedError."""

    async def write(self, change: CaseChange) -> Written:
        """Make one attempt; raises WriteFailedError."""


def secret(value: SecretStr) -> str:
    return value.get_secret_value()
