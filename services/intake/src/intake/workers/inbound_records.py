"""Records of outside systems: read, verified and applied a batch at a time, or refused."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from common.core.errors import PermanentError, TransientError, is_bad_value, is_transient
from common.messaging.lag import Polled
from common.storage.database import Database
from intake import deliveries
from intake.channel_events import AppliedEvent, apply_events
from intake.channels.cloud_events import CloudEvents
from intake.channels.fields import read_seconds
from intake.channels.kafka_records import (
    ConnectionRecord,
    InboundRecord,
    RecordRefusedError,
    read_record,
    verify_record,
)
from intake.connection_secrets import SecretUnavailableError
from intake.connections.activity import NoticedActivity
from intake.deliveries import Delivery, TooManyKeptDeliveriesError, UnreadableDeliveryError
from intake.domain.customers import CustomerNamespaces
from intake.domain.errors import KeyReusedError, OtherCustomerError
from intake.domain.model import ChannelConnection
from intake.domain.understanding.signs import SignReader
from intake.event_preparation import PreparedEvent
from intake.metrics import InboundMetrics
from intake.store import UnitOfWork
from intake.store.connections import UnreadableConnectionError
from intake.workers.refusals import Refusal, RefusalPublisher

# Timers and probes of the process must not wait for a whole batch.
_READ_AT_ONCE: Final = 10
# Attempts at a record alone.
_MAX_ATTEMPTS: Final = 3
_CHANNEL: Final = CloudEvents()
_FAULTS_OF_RECORDS: Final = (PermanentError, KeyReusedError, OtherCustomerError)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _ReadRecord:
    record: InboundRecord
    delivery: Delivery
    events: Sequence[PreparedEvent]


class InboundRecordHandler:
    """Applies what the owner of a connection wrote; the rest goes back with the reason.

    An event counts once for a connection, by Kafka or by HTTP. What fails by no fault of the record
    is kept among the dead letters.
    """

    def __init__(
        self,
        database: Database[UnitOfWork],
        namespaces: CustomerNamespaces,
        signs: SignReader,
        refusals: RefusalPublisher,
        noticed: NoticedActivity,
        metrics: InboundMetrics,
    ) -> None:
        self._database = database
        self._namespaces = namespaces
        self._signs = signs
        self._refusals = refusals
        self._noticed = noticed
        self._metrics = metrics

    async def handle(self, polled: Polled) -> None:
        """Raise TransientError if the database is unavailable: the records come again."""
        records = [_to_inbound(record) for batch in polled.values() for record in batch]
        named: list[ConnectionRecord] = []
        refused: list[Refusal] = []
        for record in records:
            try:
                named.append(read_record(record))
            except RecordRefusedError as error:
                refused.append(Refusal(record, error.code, str(error)))
        by_connection: dict[str, list[_ReadRecord]] = {}
        connections = await self._find_connections(read.connection for read in named)
        for number, read in enumerate(named, 1):
            ready = await self._read(connections.get(read.connection), read)
            if isinstance(ready, _ReadRecord):
                by_connection.setdefault(read.connection, []).append(ready)
            elif ready is not None:
                refused.append(ready)
            if number % _READ_AT_ONCE == 0:
                await asyncio.sleep(0)
        # In one order, so that two replicas do not deadlock.
        for _, batch in sorted(by_connection.items()):
            refused += await self._apply(batch)
        await self._publish(refused)

    async def _find_connections(self, names: Iterable[str]) -> dict[str, ChannelConnection]:
        """Return the connections that exist; names of others cost one statement in all."""
        listed = set(names)
        if not listed:
            return {}
        async with self._database.transaction() as uow:
            existing = await uow.connection_names.find(_CHANNEL.kind, listed)
            connections = [await self._get_connection(name, uow) for name in sorted(existing)]
        return {each.connection: each for each in connections if each is not None}

    async def _get_connection(self, name: str, uow: UnitOfWork) -> ChannelConnection | None:
        """Return None for one that can't be read: it must not stop the others."""
        try:
            return await uow.channel_connections.get(_CHANNEL.kind, name)
        except SecretUnavailableError as error:
            self._note_failure(name, "secret-unavailable", str(error))
            log.warning("connection_secret_unavailable", kind=_CHANNEL.kind, connection=name)
        except UnreadableConnectionError:
            log.exception("connection_unreadable", kind=_CHANNEL.kind, connection=name)
        return None

    async def _read(
        self, connection: ChannelConnection | None, read: ConnectionRecord
    ) -> _ReadRecord | Refusal | None:
        """Return None if it can't be read by no fault of its own, and is kept."""
        delivery = None
        try:
            verified = verify_record(connection, read)
            delivery = Delivery(_CHANNEL, verified, read.request)
            content = delivery.read(self._namespaces, self._signs)
            content.require_whole()
        except RecordRefusedError as error:
            if connection is not None:
                self._note_failure(read.connection, error.code, str(error))
            return Refusal(read.record, error.code, str(error))
        except UnreadableDeliveryError as error:
            self._note_delivery(read.connection)
            self._note_failure(read.connection, "malformed", str(error))
            return Refusal(read.record, "malformed", str(error))
        except Exception as error:
            if delivery is None:
                raise
            return await self._put_aside(read.record, delivery, error)
        return _ReadRecord(read.record, delivery, content.events)

    async def _apply(self, batch: Sequence[_ReadRecord]) -> list[Refusal]:
        """Apply those of one connection in one transaction; if that fails, one by one."""
        try:
            await self._transact(batch)
        except Exception as error:
            if is_transient(error):
                raise TransientError(str(error)) from error
            log.warning("batch_failed", records=len(batch), error=repr(error))
        else:
            return []
        refused = [await self._apply_alone(each) for each in batch]
        return [refusal for refusal in refused if refusal is not None]

    async def _apply_alone(self, read: _ReadRecord) -> Refusal | None:
        failure: Exception | None = None
        for _ in range(_MAX_ATTEMPTS):
            try:
                await self._transact([read])
            except Exception as error:
                if is_transient(error):
                    raise TransientError(str(error)) from error
                failure = error
                if _is_of_record(error):
                    break
            else:
                return None
        if failure is None:
            return None
        return await self._put_aside(read.record, read.delivery, failure)

    async def _transact(self, batch: Sequence[_ReadRecord]) -> None:
        connection = batch[0].delivery.connection
        async with self._database.transaction() as uow:
            events = [event for read in batch for event in read.events]
            applied = await apply_events(connection, events, uow)
        self._note_delivery(connection.connection)
        self._count(batch, applied)

    def _count(self, batch: Sequence[_ReadRecord], applied: Sequence[AppliedEvent]) -> None:
        repeated = sum(each.repeated for each in applied)
        records = self._metrics.records
        records.labels("applied").inc(len(applied) - repeated)
        records.labels("repeated").inc(repeated)
        records.labels("ignored").inc(len(batch) - len(applied))

    async def _put_aside(
        self, record: InboundRecord, delivery: Delivery, error: Exception
    ) -> Refusal | None:
        """Refuse what the record itself is to blame for; keep the rest as a dead letter."""
        name, cause = delivery.connection.connection, type(error).__name__
        if _is_of_record(error):
            self._note_delivery(name)
            self._note_failure(name, "not-applied", cause)
            return Refusal(record, "not-applied", _reason(error))
        try:
            if await deliveries.keep(delivery, error, self._database):
                self._metrics.dead_letters.inc()
        except TooManyKeptDeliveriesError as many:
            self._note_failure(name, "too-many-kept-deliveries", str(many))
            return Refusal(record, "not-applied", str(many))
        self._note_delivery(name)
        self._note_failure(name, "delivery-kept", cause)
        self._metrics.records.labels("kept").inc()
        return None

    def _note_delivery(self, connection: str) -> None:
        self._noticed.note_delivery(_CHANNEL.kind, connection, self._database.clock.utc_now())

    def _note_failure(self, connection: str, code: str, detail: str) -> None:
        now = self._database.clock.utc_now()
        self._noticed.note_failure(_CHANNEL.kind, connection, now, code, detail)

    async def _publish(self, refused: Sequence[Refusal]) -> None:
        if not refused:
            return
        await self._refusals.publish(refused)
        self._metrics.records.labels("refused").inc(len(refused))
        for refusal in refused:
            self._metrics.refused.labels(refusal.code).inc()
        first = refused[0]
        place = f"{first.record.topic}/{first.record.partition}/{first.record.offset}"
        log.warning("records_refused", count=len(refused), first=place, code=first.code)


def _to_inbound(record: ConsumerRecord[bytes, bytes]) -> InboundRecord:
    return InboundRecord(
        record.topic,
        record.partition,
        record.offset,
        _time(record.timestamp),
        record.key,
        [(str(name), value) for name, value in record.headers],
        record.value,
    )


def _time(milliseconds: int | None) -> datetime:
    """Return the record's time; one that is out of bounds is long ago."""
    return read_seconds((milliseconds or 0) / 1000) or datetime.min.replace(tzinfo=UTC)


def _is_of_record(error: Exception) -> bool:
    """Return whether the content of the record is at fault, and not this version of intake."""
    return isinstance(error, _FAULTS_OF_RECORDS) or is_bad_value(error)


def _reason(error: Exception) -> str:
    """Say what is wrong without what the database quotes."""
    return str(error) if isinstance(error, _FAULTS_OF_RECORDS) else "It has a value out of range."
