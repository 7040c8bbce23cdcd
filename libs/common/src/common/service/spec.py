"""Puts a service together from its spec, so that no `main.py` repeats it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

from common.contracts.services import source_of
from common.core import logs
from common.core.clock import TimeSource
from common.core.health import Health
from common.core.metrics import Metrics
from common.http import api_key_api, dead_letter_api
from common.http.access import ApiKeys
from common.http.app import make_app, set_admission, set_body_limits
from common.http.limits import BodyLimit
from common.http.routes import ApiRouter
from common.http.tokens import TokenVerifier
from common.http.whole_request import WholeRequest
from common.messaging.consumer import MIN_LINGER_S, Consumer, Subscription, make_linger
from common.messaging.dispatcher import Dispatcher
from common.messaging.event_records import EventRecordHandler
from common.messaging.kafka import (
    group_name,
    make_group_consumer,
    make_producer,
    topic_name,
)
from common.messaging.outbox_signal import OutboxSignaller
from common.messaging.publisher import Publisher
from common.messaging.record_decoder import RecordDecoder
from common.messaging.record_encoder import RecordEncoder
from common.messaging.relay import Relay
from common.messaging.replay import Redelivery, Replay
from common.messaging.subscriptions import HandlerRegistry
from common.messaging.timer_loop import MAX_SLEEP, TimerLoop
from common.service.api_key_worker import ApiKeyWorker
from common.service.database_monitor import DatabaseMonitor
from common.service.process import (
    WorkerFactory,
    announce_trial,
    make_http_server,
    make_operations_server,
    tune_gc,
)
from common.service.retention import INBOX, SHARED_RULES, RetentionWorker, Rule, with_days
from common.service.runtime import Worker, run_workers, stop_on_signals
from common.service.settings import ServiceSettings
from common.storage.connection import Connection
from common.storage.database import Database, connect
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)

# Of the timer loop where another process answers requests: that one sets timers and fires none.
_MAX_SLEEP_BESIDE_HTTP = timedelta(milliseconds=50)


@dataclass(frozen=True)
class ServiceSpec(Generic[U]):
    """The parts of one service; its name is also that of its schema and its consumer group.

    Routes find `state`, and what `app_state` returns, in `request.app.state`. `app_state` and the
    workers are made once the database is connected. Routes need the `http_workers` beside them.
    """

    name: str
    unit_of_work: Callable[[Connection, datetime], U]
    subscriptions: HandlerRegistry[U]
    routers: Sequence[ApiRouter]
    state: Mapping[str, object] = field(default_factory=dict)
    app_state: Callable[[Database[U]], Mapping[str, object]] = lambda _: {}
    workers: WorkerFactory[U] = lambda *_: ()
    http_workers: WorkerFactory[U] = lambda *_: ()
    # How long its consumer waits at least, after a batch, for events that can share the next one.
    linger_s: float = MIN_LINGER_S
    # Topics that a worker reads or writes, besides those of the subscriptions and the outbox, and
    # the consumer groups that read them, in addition to that of the service.
    read_topics: Sequence[str] = ()
    written_topics: Sequence[str] = ()
    groups: Sequence[str] = ()
    # A POST below these paths carries a signed body of any kind, which its route reads or keeps.
    webhook_paths: Sequence[str] = ()
    # Below these paths a body may be a form.
    form_paths: Sequence[str] = ()
    # Below these paths a body may be larger than elsewhere.
    body_limits: Sequence[BodyLimit] = ()
    # Sees each request before its route, and may refuse one that changes something; how, by status
    # and code.
    admit: Callable[[WholeRequest], Awaitable[None]] | None = None
    admission_problems: Sequence[tuple[int, str]] = ()
    # Routes that heed idempotency keys on their own.
    unkeyed_paths: Sequence[str] = ()
    # What a replay does with a dead letter that was such a request.
    redelivery: Redelivery[U] | None = None
    # For the tables of this service; those that all services have are in SHARED_RULES.
    retention: Sequence[Rule] = ()

    @property
    def retention_rules(self) -> tuple[Rule, ...]:
        return (INBOX, *SHARED_RULES, *self.retention)


async def serve(spec: ServiceSpec[U], settings: ServiceSettings) -> None:
    """Run the service until it is told to stop."""
    logs.configure(service=spec.name, level=settings.log_level, form=settings.log_format)
    stopping = stop_on_signals()
    metrics, health, clock = Metrics(), Health(), TimeSource()
    async with AsyncExitStack() as stack:
        engine = connect(
            str(settings.database_url), schema=spec.name, pool_size=settings.database_pool
        )
        stack.push_async_callback(engine.dispose)
        database = Database(engine, spec.unit_of_work, clock)
        app = application(spec, settings, database, metrics)
        workers: list[Worker] = [
            DatabaseMonitor(database, metrics, health, spec.subscriptions.timers),
            make_operations_server(app, settings, metrics, health),
        ]
        drains: list[Worker] = []
        announce_trial(settings, metrics)
        if settings.parts != "workers":
            workers += [
                ApiKeyWorker(
                    database,
                    app.state.api_keys,
                    app.state.tokens,
                    settings.api_keys.entries,
                    health,
                ),
                make_http_server(app, settings, metrics, spec.body_limits),
                *spec.http_workers(database, metrics, health),
            ]
        if settings.parts != "http":
            workers += make_workers(spec, settings, database, metrics, health)
            publisher = make_publisher(spec, settings, database, metrics, health)
            database.after_commit(lambda uow: publisher.wake() if len(uow.outbox) else None)
            drains.append(publisher)
        else:
            signaller = OutboxSignaller(engine)
            database.after_commit(lambda uow: signaller.wake() if len(uow.outbox) else None)
            workers.append(signaller)
        tune_gc()
        await run_workers(workers, drains, stopping, metrics, health)


def make_workers(
    spec: ServiceSpec[U],
    settings: ServiceSettings,
    database: Database[U],
    metrics: Metrics,
    health: Health,
) -> list[Worker]:
    """Make all workers but the publisher, which ends after them."""
    dispatcher = Dispatcher(
        database,
        spec.subscriptions,
        metrics,
        dead_letter_limit=settings.dead_letter_limit,
        untrusted_record_limit=settings.untrusted_record_limit,
    )
    workers: list[Worker] = [
        RetentionWorker(
            database, metrics, with_days(spec.retention_rules, settings.retention_days)
        ),
        *spec.workers(database, metrics, health),
    ]
    caught_up: asyncio.Event | None = None
    if spec.subscriptions.topics:
        consumer = make_consumer(spec, settings, dispatcher, metrics, health)
        caught_up = consumer.caught_up
        workers.append(consumer)
    if spec.subscriptions.timers:
        max_sleep = MAX_SLEEP if settings.parts == "all" else _MAX_SLEEP_BESIDE_HTTP
        timers = TimerLoop(dispatcher, metrics, health, caught_up, max_sleep=max_sleep)
        database.after_commit(lambda uow: timers.wake(uow.timers.earliest))
        workers.append(timers)
    return workers


def make_publisher(
    spec: ServiceSpec[U],
    settings: ServiceSettings,
    database: Database[U],
    metrics: Metrics,
    health: Health,
) -> Publisher:
    encoder = RecordEncoder(settings.namespace, source_of(spec.name), settings.signing_key)

    def make_relay(producer: AIOKafkaProducer) -> Relay:
        return Relay(
            database.engine,
            producer,
            metrics,
            health,
            encoder=encoder,
            make_producer=lambda: make_producer(settings.kafka),
        )

    return Publisher(settings.kafka, make_relay, health)


def application(
    spec: ServiceSpec[U],
    settings: ServiceSettings,
    database: Database[U],
    metrics: Metrics,
) -> FastAPI:
    """Make the HTTP app as `serve` does; also for tests and for the OpenAPI document."""
    dispatcher = Dispatcher(database, spec.subscriptions, metrics)
    decoder = RecordDecoder(settings.namespace, settings.verification_keys)
    app = make_app(
        spec.name,
        [*spec.routers, dead_letter_api.router, api_key_api.router],
        metrics=metrics,
        webhook_paths=spec.webhook_paths,
        form_paths=spec.form_paths,
        # The answer to a new API key holds the key, which is stored nowhere.
        unkeyed_paths=(*spec.unkeyed_paths, api_key_api.router.prefix),
        state={
            "database": database,
            "clock": database.clock,
            "replay": Replay(dispatcher, decoder, spec.redelivery),
            "trial": settings.trial,
            "api_keys": ApiKeys(settings.api_keys.entries, database.clock),
            "tokens": TokenVerifier(settings.token_issuers, database.clock),
            **spec.state,
            **spec.app_state(database),
        },
    )
    set_body_limits(app, spec.body_limits)
    set_admission(app, spec.admit, spec.admission_problems)
    return app


def make_consumer(
    spec: ServiceSpec[U],
    settings: ServiceSettings,
    dispatcher: Dispatcher[U],
    metrics: Metrics,
    health: Health,
) -> Consumer:
    kafka = make_group_consumer(
        settings.kafka,
        group_name(settings.namespace, spec.name),
        session_timeout_ms=settings.kafka_session_timeout_ms,
        instance_id=settings.instance_id,
    )
    topics = [topic_name(settings.namespace, topic) for topic in spec.subscriptions.topics]
    decoder = RecordDecoder(settings.namespace, settings.verification_keys)
    consumer = Consumer(
        kafka,
        Subscription(topics, EventRecordHandler(decoder, dispatcher, metrics)),
        metrics,
        health,
        connection=settings.kafka,
        clock=dispatcher.database.clock,
    )
    consumer.linger = make_linger(spec.linger_s)
    return consumer
