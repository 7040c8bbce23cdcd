"""A server of tests that plays an outside system, on loopback at a free port."""

from typing import Self

from aiohttp import web

# As aiohttp waits for calls that are under way.
_SHUTDOWN_TIMEOUT_S = 60.0


class LoopbackServer:
    """Serves while the block runs; `url` is the address of `path`."""

    def __init__(
        self, app: web.Application, path: str = "", shutdown_timeout_s: float = _SHUTDOWN_TIMEOUT_S
    ) -> None:
        self.url = ""
        self._path = path
        self._runner = web.AppRunner(app, shutdown_timeout=shutdown_timeout_s)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}{self._path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
