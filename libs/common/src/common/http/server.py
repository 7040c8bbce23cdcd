"""The HTTP server: uvicorn as a worker of the process."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from common.core.backoff import pause
from common.core.clock import monotonic
from common.core.metrics import Metrics
from common.http.limits import ConnectionLimiter, HttpLimits, TrustedProxies
from common.http.protocol import LimitedProtocol, ServerConfig

# uvicorn ticks ten times a second, and writes the date of its answers every tenth time.
_TICK_S = 0.1
_TICKS_BETWEEN_CHECKS = 5
_DATE_TICKS = 10


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
        self._server.exit()
        await serving


class _Server(uvicorn.Server):
    def __init__(self, config: ServerConfig) -> None:
        super().__init__(config)
        self._exiting = asyncio.Event()

    def exit(self) -> None:
        self.should_exit = True
        self._exiting.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        """Wake for each check only: twenty ticks a second are a third of an idle process."""
        ticks = 0
        while not await self.on_tick(ticks):
            await pause(_TICKS_BETWEEN_CHECKS * _TICK_S, self._exiting)
            ticks = (ticks + _TICKS_BETWEEN_CHECKS) % _DATE_TICKS

    async def on_tick(self, counter: int) -> bool:
        now = monotonic()
        for connection in tuple(self.server_state.connections):
            cast("LimitedProtocol", connection).enforce_times(now)
        return await super().on_tick(counter)
