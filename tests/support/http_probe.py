"""An app with a route for each way in which a client can be a burden."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from common.core.metrics import Metrics
from common.http.app import make_app, set_body_limits
from common.http.limits import BodyLimit
from common.http.routes import ApiRouter
from support.http_server import MEGABYTE

router = ApiRouter(prefix="/v1", tags=["probe"])


@router.get("/small")
@router.post("/small")
async def small(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@router.get("/slow")
async def slow() -> PlainTextResponse:
    await asyncio.sleep(0.1)
    return PlainTextResponse("late")


@router.get("/client")
async def client_address(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.client.host if request.client else "")


@router.get("/large")
async def large() -> PlainTextResponse:
    return PlainTextResponse("x" * 30 * MEGABYTE)


@router.get("/stream")
async def stream() -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        while True:
            yield ": heartbeat\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(lines(), media_type="text/event-stream")


@router.post("/hooks/mail")
@router.post("/hooks/crm")
async def hook(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


BODY_LIMITS = (
    BodyLimit("/v1/hooks/mail", 10 * MEGABYTE, keep_sending=True),
    BodyLimit("/v1/hooks/", 2 * MEGABYTE),
)


def make_probe() -> FastAPI:
    # The routes read their bodies themselves.
    app = make_app(
        "probe",
        [router],
        metrics=Metrics(),
        state={},
        form_paths=["/v1/small", "/v1/hooks/"],
    )
    set_body_limits(app, BODY_LIMITS)
    return app
