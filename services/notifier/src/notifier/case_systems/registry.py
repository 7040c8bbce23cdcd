"""The kinds of case systems, and how the client of a connection is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final

import orjson
from aiohttp import ClientSession
from pydantic import SecretStr, TypeAdapter

from common.core.clock import TimeSource
from common.core.sealed_secrets import SecretBox
from notifier.allowed_origins import AllowedOrigins
from notifier.case_systems.base import CaseSystem, Credentials
from notifier.case_systems.dynamics import DynamicsCases
from notifier.case_systems.http import CaseHttp
from notifier.case_systems.salesforce import SalesforceCases
from notifier.case_systems.zendesk import ZendeskTickets
from notifier.domain.errors import WriteBacksOffError
from notifier.domain.write_backs.settings import WriteBack

CASE_SYSTEMS: Final[Mapping[str, type[CaseSystem]]] = {
    "zendesk": ZendeskTickets,
    "salesforce": SalesforceCases,
    "dynamics": DynamicsCases,
}
# Two kinds have the same type, so the order of the members tells nothing: `kind` does.
_CREDENTIALS: Final[Mapping[str, TypeAdapter[Any]]] = {
    kind: TypeAdapter(reduce(or_, system.credentials)) for kind, system in CASE_SYSTEMS.items()
}


@dataclass(frozen=True, slots=True)
class CaseSystemFactory:
    """`box` encrypts the credentials; without it no system can be written to."""

    allowed: AllowedOrigins
    login_url: str
    box: SecretBox | None
    call_timeout_s: float

    def make_for(
        self, write_back: WriteBack, session: ClientSession, clock: TimeSource
    ) -> CaseSystem:
        """Raises WriteBacksOffError or UnknownEncryptionKeyError."""
        credentials = self.open(write_back)
        http = CaseHttp(session, write_back.base_url, self._with_login(), clock)
        return CASE_SYSTEMS[write_back.kind](http, credentials, self.login_url)

    def seal(self, credentials: Credentials) -> str:
        """Raises WriteBacksOffError."""
        content = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in credentials
        }
        return self.require_box().seal(orjson.dumps(content).decode())

    def open(self, write_back: WriteBack) -> Credentials:
        """Raises WriteBacksOffError or UnknownEncryptionKeyError."""
        content = orjson.loads(self.require_box().open(write_back.credentials))
        read: Credentials = _CREDENTIALS[write_back.kind].validate_python(content)
        return read

    def require_box(self) -> SecretBox:
        """Raises WriteBacksOffError."""
        if self.box is None:
            raise WriteBacksOffError
        return self.box

    def _with_login(self) -> AllowedOrigins:
        login = AllowedOrigins.read((self.login_url,))
        return AllowedOrigins((*self.allowed.origins, *login.origins))
