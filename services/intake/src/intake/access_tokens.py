"""Access tokens of outside systems: kept until they expire, and not asked for with refused
credentials for ever.
"""

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from common.core.access_tokens import REFUSALS, AccessToken, read_access_token
from common.http.guarded_calls import Answer, Call, CallError, GuardedCalls
from common.storage.database import Database
from intake.connection_secrets import SecretUnavailableError
from intake.domain.model import ChannelConnection
from intake.domain.sign_ins import SignIn
from intake.store import UnitOfWork

# Of one process.
_KEPT_TOKENS: Final = 1000
_CODE: Final = re.compile(r"[a-z_]{1,50}")
# What Microsoft Entra says in its description: a number that its documents explain.
_ENTRA_CODE: Final = re.compile(r"AADSTS\d{1,8}")
# Of the server, and not of the credentials.
_OUTAGES: Final = frozenset(("temporarily_unavailable", "server_error", "slow_down"))

log = structlog.get_logger()


class SignInError(Exception):
    """There is no access token now; the reason is for people and has no secret in it."""


class CredentialsRefusedError(SignInError):
    """The token server does not take the credentials."""


class SignInStoppedError(SignInError):
    """These credentials were refused several times, and are not sent any more."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason}. It was refused several times and is not tried any more: put the right "
            "secret, or pause the connection and activate it again."
        )


def failure_code(error: Exception, other: str) -> str:
    """Return the code of a connection's last failure; `other` is what no secret caused."""
    match error:
        case SecretUnavailableError():
            return "secret-unavailable"
        case CredentialsRefusedError():
            return "credentials-refused"
        case SignInStoppedError():
            return "sign-in-stopped"
        case _:
            return other


@dataclass(slots=True, weakref_slot=True, eq=False)
class _Turn:
    """One asks at a time with the same credentials; who waits is told what the one before was."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    error: SignInError | None = None


class AccessTokens:
    def __init__(self, calls: GuardedCalls, database: Database[UnitOfWork]) -> None:
        self._calls = calls
        self._database = database
        self._kept: dict[str, AccessToken] = {}
        # Of those who ask now or wait for it.
        self._turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()

    async def get(
        self, connection: ChannelConnection, sign_in: SignIn, refused: AccessToken | None = None
    ) -> AccessToken:
        """Return a token that is valid now, and another one than the `refused` one.

        Raises SignInError.
        """
        turn = self._turns.setdefault(sign_in.fingerprint, _Turn())
        has_waited = turn.lock.locked()
        async with turn.lock:
            now = self._database.clock.utc_now()
            kept = self._kept.get(sign_in.fingerprint)
            if kept is not None and kept != refused and kept.valid_until > now:
                return kept
            if has_waited and turn.error is not None:
                raise turn.error
            turn.error = None
            try:
                return await self._replace(connection, sign_in)
            except SignInError as error:
                turn.error = error
                raise

    async def _replace(self, connection: ChannelConnection, sign_in: SignIn) -> AccessToken:
        async with self._database.transaction() as uow:
            refusal = await uow.sign_ins.find_refusal(connection.kind, connection.connection)
            now = uow.now
        if refusal is not None and refusal.stops(sign_in):
            raise SignInStoppedError(refusal.reason)
        if refusal is not None and refusal.holds_back(sign_in, now):
            raise CredentialsRefusedError(refusal.reason)
        try:
            token = await self._ask_with_each(sign_in)
        except CredentialsRefusedError as error:
            await self._count_refusal(connection, sign_in, str(error))
            raise
        if refusal is not None:
            async with self._database.transaction() as uow:
                await uow.sign_ins.forget(connection.kind, connection.connection)
        if len(self._kept) >= _KEPT_TOKENS:
            self._kept.clear()
        self._kept[sign_in.fingerprint] = token
        return token

    async def _count_refusal(
        self, connection: ChannelConnection, sign_in: SignIn, reason: str
    ) -> None:
        async with self._database.transaction() as uow:
            await uow.sign_ins.refuse(connection.kind, connection.connection, sign_in, reason)
        log.warning("sign_in_refused", system=connection.system, reason=reason)

    async def _ask_with_each(self, sign_in: SignIn) -> AccessToken:
        refusals: list[CredentialsRefusedError] = []
        for form in sign_in.forms:
            try:
                return await self._ask(Call("POST", sign_in.url, form=form))
            except CredentialsRefusedError as error:
                refusals.append(error)
        raise refusals[0] if refusals else CredentialsRefusedError("there is no secret")

    async def _ask(self, call: Call) -> AccessToken:
        try:
            answer = await self._calls.send(call)
        except CallError as error:
            raise SignInError(f"the token server gave {error}") from error
        content = answer.json()
        if (code := _refusal_code(answer, content)) is not None:
            raise CredentialsRefusedError(f"the token server refuses the credentials: {code}")
        token = read_access_token(content, self._database.clock.utc_now())
        if not answer.is_success or token is None:
            raise SignInError(f"the token server answered {answer.status} and gave no token")
        return token


def _refusal_code(answer: Answer, content: Any) -> str | None:
    """Return what is wrong with the credentials, without any words: they may repeat a secret."""
    if answer.status not in REFUSALS or not isinstance(content, dict):
        return None
    code = content.get("error")
    if not isinstance(code, str) or not _CODE.fullmatch(code) or code in _OUTAGES:
        return None
    described = _ENTRA_CODE.search(str(content.get("error_description", ""))[:1000])
    return f"{code} ({described[0]})" if described else code
