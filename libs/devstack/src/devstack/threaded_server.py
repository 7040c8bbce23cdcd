"""An ASGI application served on a loopback port by a thread of its own."""

import asyncio
import socket
import threading
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from devstack.processes import LOOPBACK


class ThreadedServer:
    """Stays responsive while the thread that started it is busy; port 0 takes any free port."""

    def __init__(self, app: ASGIApp, name: str, port: int = 0) -> None:
        self._app = app
        self._name = name
        self._port = port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        config = uvicorn.Config(
            self._app,
            log_config=None,
            # uvicorn logs a deliberately broken response as an error.
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        # Listens before the server runs, so an immediate caller is not refused.
        listener = socket.create_server((LOOPBACK, self._port))
        self._port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=_serve, args=(self._server, listener), name=self._name, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)


def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    with listener:
        server.run(sockets=[listener])
