"""A process with a schema and an HTTP port: what services with and without events share."""

import gc
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

import structlog
from fastapi import FastAPI
from starlette.types import ASGIApp

from common.core import logs
from common.core.clock import TimeSource
from common.core.health import Health
from common.core.metrics import Metrics
from common.http.limits import BodyLimit, BodyLimits, HttpLimits, TrustedProxies
from common.http.operations import make_operations_app
from common.http.server import HttpServer
from common.service.database_monitor import DatabaseCheck
from common.service.retention import LOCK_SALT, RetentionWorker, Rule, with_days
from common.service.runtime import Worker, run_workers, stop_on_signals
from common.service.settings import ProcessSettings
from common.storage.connection import Connection
from common.storage.database import Database, connect
from common.storage.uow import UnitOfWork

U = TypeVar("U", bound=UnitOfWork)
WorkerFactory = Callable[[Database[U], Metrics, Health], Sequence[Worker]]

# Objects made and not freed before a collection of the youngest; Python's default is 700.
_GC_THRESHOLD: Final = 100_000
# A probe and a scraper need a few; those of the API, and all others, must have open files left.
_OPERATIONS_LIMITS: Final = HttpLimits(connections=60, connections_per_client=30)

log = structlog.get_logger()


@dataclass(frozen=True)
class ProcessSpec(Generic[U]):
    """A service without events; its name is also that of its schema."""

    name: str
    unit_of_work: Callable[[Connection, datetime], U]
    make_app: Callable[[Database[U], Metrics], FastAPI]
    # Besides those of every process; the app holds what they need in its state.
    workers: Callable[[FastAPI], Sequence[Worker]] = lambda _app: ()
    # For the tables of this service.
    retention: Sequence[Rule] = ()

    @property
    def retention_rules(self) -> tuple[Rule, ...]:
        return (LOCK_SALT, *self.retention)


async def serve_process(spec: ProcessSpec[U], settings: ProcessSettings) -> None:
    """Run the service until it is told to stop."""
    logs.configure(service=spec.name, level=settings.log_level, form=settings.log_format)
    stopping = stop_on_signals()
    metrics, health = Metrics(), Health()
    async with AsyncExitStack() as stack:
        engine = connect(
            str(settings.database_url), schema=spec.name, pool_size=settings.database_pool
        )
        stack.push_async_callback(engine.dispose)
        database = Database(engine, spec.unit_of_work, TimeSource())
        app = spec.make_app(database, metrics)
        rules = with_days(spec.retention_rules, settings.retention_days)
        announce_trial(settings, metrics)
        workers: list[Worker] = [
            DatabaseCheck(database, health),
            RetentionWorker(database, metrics, rules),
            make_operations_server(app, settings, metrics, health),
            make_http_server(app, settings, metrics),
            *spec.workers(app),
        ]
        tune_gc()
        await run_workers(workers, (), stopping, metrics, health)


def make_http_server(
    app: ASGIApp,
    settings: ProcessSettings,
    metrics: Metrics,
    body_limits: Sequence[BodyLimit] = (),
) -> HttpServer:
    limits = HttpLimits(
        bodies=BodyLimits(body_limits),
        connections=settings.http_connections,
        connections_per_client=settings.http_connections_per_client,
    )
    proxies = TrustedProxies(settings.trusted_proxies)
    return HttpServer(
        app, settings.http_host, settings.http_port, metrics, limits=limits, proxies=proxies
    )


def make_operations_server(
    api: FastAPI, settings: ProcessSettings, metrics: Metrics, health: Health
) -> HttpServer:
    return HttpServer(
        make_operations_app(api, metrics=metrics, health=health),
        settings.operations_host,
        settings.operations_port,
        metrics,
        name="operations",
        limits=_OPERATIONS_LIMITS,
    )


def announce_trial(settings: ProcessSettings, metrics: Metrics) -> None:
    metrics.trial.set(settings.trial)
    if settings.trial:
        log.warning("trial_mode", detail="UPSTAIRS_TRIAL admits weak and published secrets")


def tune_gc() -> None:
    """Leave imported objects out of garbage collection, and collect less often.

    A batch makes thousands of objects without cycles; scanning them again and again costs CPU time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 10, 10)
