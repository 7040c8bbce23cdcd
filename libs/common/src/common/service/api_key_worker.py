"""Keeps in memory who may call: the API keys of the table, and whom tokens admit."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Generic, TypeVar

import structlog

from common.core.backoff import pause
from common.core.errors import is_transient
from common.core.health import Health
from common.http.access import ApiKeys
from common.http.tokens import TokenVerifier
from common.storage.api_keys import ApiKeyStore, ListedKey
from common.storage.database import Database
from common.storage.known_people import active_people
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

# How long a key still works that another replica, or a command, revoked.
_INTERVAL: Final = timedelta(seconds=2)
# Unknown keys make the worker read again, but strangers not more often than so.
_MIN_INTERVAL_S: Final = 0.2
# How long an unknown key waits for it, for example while the database does not answer.
_READ_TIMEOUT_S: Final = 2

log = structlog.get_logger()


class ApiKeyWorker(Generic[U]):
    """Writes the keys of the settings once; then reads all keys and who has left.

    It reads them every `interval`, and at once when somebody calls with a key that is not known. It
    also writes which keys were used.

    While the database is unavailable the keys stay as they are, and nobody is admitted before they
    were read once.
    """

    name = "API keys"

    def __init__(
        self,
        database: Database[U],
        api_keys: ApiKeys,
        tokens: TokenVerifier,
        listed: Sequence[ListedKey],
        health: Health,
        *,
        interval: timedelta = _INTERVAL,
    ) -> None:
        self._database = database
        self._api_keys = api_keys
        self._tokens = tokens
        self._listed: Sequence[ListedKey] | None = listed
        self._health = health
        self._interval = interval
        self._unwritten_use: set[str] = set()
        # Set when the next reading, which has not begun, has ended.
        self._next_reading = asyncio.Event()
        self._requested = asyncio.Event()
        api_keys.withhold()
        health.report_trouble("api_keys", "not loaded yet")

    async def run(self, stopping: asyncio.Event) -> None:
        self._api_keys.reader = self._read_again
        stopped = asyncio.ensure_future(self._request_when(stopping))
        try:
            while not stopping.is_set():
                reading, self._next_reading = self._next_reading, asyncio.Event()
                self._requested.clear()
                await self._try_refresh()
                reading.set()
                await self._pause(stopping)
        finally:
            stopped.cancel()
            self._api_keys.reader = None
            self._next_reading.set()

    async def _try_refresh(self) -> None:
        try:
            await self.refresh()
        except Exception as error:
            self._health.report_trouble("api_keys", repr(error))
            if is_transient(error):
                log.warning("api_keys_backing_off", error=repr(error))
            else:
                log.exception("api_keys_failed")
        else:
            self._health.report_healthy("api_keys")

    async def _pause(self, stopping: asyncio.Event) -> None:
        if not await pause(_MIN_INTERVAL_S, stopping):
            await pause(self._interval.total_seconds() - _MIN_INTERVAL_S, self._requested)

    async def _request_when(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._requested.set()

    async def _read_again(self) -> None:
        """Return when the keys were read, from the call on, or could not be."""
        self._requested.set()
        await pause(_READ_TIMEOUT_S, self._next_reading)

    async def refresh(self) -> None:
        self._unwritten_use |= self._api_keys.take_used()
        async with self._database.transaction() as uow:
            store = ApiKeyStore(uow.connection)
            revoked = [] if self._listed is None else await store.apply_list(self._listed, uow.now)
            if self._unwritten_use:
                await store.record_use(self._unwritten_use, uow.now)
            keys = await store.active(uow.now)
            people = await active_people(uow.connection)
        self._listed = None
        self._unwritten_use.clear()
        self._tokens.admit(people)
        self._api_keys.replace(keys)
        for key_id in revoked:
            log.warning("listed_api_key_is_revoked", key_id=key_id)
