"""Puts one service together from its parts: what every `main.py` would otherwise spell out."""

import asyncio
import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from fastapi import APIRouter, FastAPI

from common.core import logs
from common.core.backoff import Backoff
from common.core.clock import TimeSource
from common.core.errors import is_transient
from common.core.health import Health
from common.core.metrics import Metrics
from common.http import dead_letter_api
from common.http.access import ApiKeys
from common.http.app import HttpServer, make_app
from common.messaging.consumer import Consumer
from common.messaging.dispatcher import Dispatcher
from common.messaging.relay import Relay, topic_name
from common.messaging.replay import Replay
from common.messaging.subscriptions import HandlerRegistry
from common.messaging.timer_loop import TimerLoop
from common.service.housekeeping import Housekeeper
from common.service.runtime import Worker, run_workers, stop_on_signals
from common.service.settings import ServiceSettings
from common.storage.database import Database, connect
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

# The relay sends what it has for a partition as one batch; brokers take a megabyte.
_BATCH_BYTES = 512 * 1024
# Objects made and not freed, before the youngest are looked through; Python's own is 700.
_COLLECT_AFTER = 10_000

log = structlog.get_logger()


@dataclass(frozen=True)
class ServiceSpec(Generic[U]):
    """What makes a service this one: its name is that of its schema and consumer group too.

    `state` reaches the routes by `request.app.state`, and so does what `shared` makes; it and
    `workers` are made once the database is.
    """

    name: str
    unit_of_work: type[U]
    subscriptions: HandlerRegistry[U]
    routers: Sequence[APIRouter]
    state: Mapping[str, object] = field(default_factory=dict)
    app_state: Callable[[Database[U]], Mapping[str, object]] = lambda _: {}
    workers: Callable[[Database[U], Metrics, Health], Sequence[Worker]] = lambda *_: ()


async def serve(parts: ServiceSpec[U], settings: ServiceSettings) -> None:
    """Run the service until it is told to stop."""
    logs.configure(service=parts.name, level=settings.log_level, form=settings.log_format)
    stopping = stop_on_signals()
    metrics, health, clock = Metrics(), Health(), TimeSource()
    async with AsyncExitStack() as stack:
        engine = connect(
            str(settings.database_url), schema=parts.name, pool_size=settings.database_pool
        )
        stack.push_async_callback(engine.dispose)
        database = Database(engine, parts.unit_of_work, clock)
        producer = await _started_producer(settings, stopping)
        if producer is None:
            return
        stack.push_async_callback(producer.stop)
        dispatcher = Dispatcher(
            database,
            parts.subscriptions,
            metrics,
            consumer=parts.name,
            dead_letter_limit=settings.dead_letter_limit,
        )
        relay = Relay(
            engine,
            producer,
            metrics,
            health,
            source=f"/upstairs/{parts.name}",
            namespace=settings.namespace,
        )
        database.after_commit(lambda uow: relay.wake() if len(uow.outbox) else None)
        app = application(parts, settings, database, metrics, health)
        workers: list[Worker] = [
            HttpServer(app, settings.http_host, settings.http_port),
            Housekeeper(database, metrics, health, parts.subscriptions.timers),
            *parts.workers(database, metrics, health),
        ]
        caught_up: asyncio.Event | None = None
        if parts.subscriptions.topics:
            consumer = _consumer(parts, settings, dispatcher, metrics, health)
            caught_up = consumer.caught_up
            workers.append(consumer)
        if parts.subscriptions.timers:
            timers = TimerLoop(dispatcher, metrics, health, caught_up)
            database.after_commit(lambda uow: timers.wake(uow.timers.earliest))
            workers.append(timers)
        _tune_gc()
        await run_workers(workers, [relay], stopping)


def _tune_gc() -> None:
    """Keep what stays for good out of each collection, and collect less often.

    A batch makes thousands of values that are free of cycles: looking through them again and again,
    and through all that was imported, is CPU time for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 10, 10)


def application(
    parts: ServiceSpec[U],
    settings: ServiceSettings,
    database: Database[U],
    metrics: Metrics,
    health: Health,
) -> FastAPI:
    """Make the HTTP app alone, as `serve` does; also for tests and for the OpenAPI document."""
    dispatcher = Dispatcher(database, parts.subscriptions, metrics, consumer=parts.name)
    return make_app(
        parts.name,
        [*parts.routers, dead_letter_api.router],
        metrics=metrics,
        health=health,
        state={
            "database": database,
            "clock": database.clock,
            "replay": Replay(dispatcher),
            "api_keys": ApiKeys(settings.api_keys.get_secret_value()),
            **parts.state,
            **parts.app_state(database),
        },
    )


async def _started_producer(
    settings: ServiceSettings, stopping: asyncio.Event
) -> AIOKafkaProducer | None:
    """Wait for the broker: a service that starts before it is early, not wrong."""
    backoff = Backoff()
    while not stopping.is_set():
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
        )
        try:
            await producer.start()
        except Exception as error:
            await producer.stop()
            if not is_transient(error):
                raise
            log.warning("broker_away", error=repr(error))
            await backoff.wait(stopping)
        else:
            return producer
    return None


def _consumer(
    parts: ServiceSpec[U],
    settings: ServiceSettings,
    dispatcher: Dispatcher[U],
    metrics: Metrics,
    health: Health,
) -> Consumer[U]:
    kafka: Any = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap,
        group_id=f"{settings.namespace}.{parts.name}",
        group_instance_id=settings.instance_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=settings.kafka_session_timeout_ms,
        heartbeat_interval_ms=settings.kafka_session_timeout_ms // 4,
    )
    topics = [topic_name(settings.namespace, topic) for topic in parts.subscriptions.topics]
    return Consumer(kafka, topics, dispatcher, metrics, health)
