"""The HTTP server: uvicorn as a worker of the process."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from common.core.clock import monotonic
from common.core.metrics import Metrics
from common.http.limits import ConnectionLimiter, HttpLimits, TrustedProxies
from common.http.protocol import LimitedProtocol, ServerConfig

# uvicorn ticks ten times a second.
_TICKS_BETWEEN_CHECKS = 3


class HttpServer:
    """uvicorn with limits; the runtime handles signals."""

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        metrics: Metrics,
        *,
        name: str = "http",
        limits: HttpLimits | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.name = name
        limits, proxies = limits or HttpLimits(), proxies or TrustedProxies()
        config = ServerConfig(
            app,
            host=host,
            port=port,
            http=LimitedProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            proxy_headers=bool(proxies.networks),
            forwarded_allow_ips=proxies.networks,
            server_header=False,
            timeout_keep_alive=limits.idle_s,
            timeout_graceful_shutdown=10,
        )
        config.limits, config.metrics = limits, metrics
        config.limiter = ConnectionLimiter(limits, proxies)
        self._server = _Server(config)

    @property
    def started(self) -> bool:
        return self._server.started

    async def run(self, stopping: asyncio.Event) -> None:
        serving = asyncio.ensure_future(self._server.serve())
        waiting = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        self._server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        if not counter % _TICKS_BETWEEN_CHECKS:
            now = monotonic()
            for connection in tuple(self.server_state.connections):
                cast("LimitedProtocol", connection).enforce_times(now)
        return await super().on_tick(counter)
