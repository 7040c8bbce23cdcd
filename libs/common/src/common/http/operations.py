"""The port for operations: health, metrics, and the reference of the API. Not for the public."""

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.core.health import Health
from common.core.metrics import Metrics
from common.http.protection import SecurityHeadersMiddleware

# The page of the reference has a script and styles in itself.
_POLICY = b"default-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"


def make_operations_app(api: FastAPI, *, metrics: Metrics, health: Health) -> FastAPI:
    app = FastAPIOffline(
        title=api.title,
        redoc_url=None,
        redirect_slashes=False,
        # The API is on another port, where a browser may not send requests from this page.
        swagger_ui_parameters={"supportedSubmitMethods": []},
    )
    app.openapi = api.openapi  # type: ignore[method-assign]  # FastAPI documents this way
    app.add_middleware(SecurityHeadersMiddleware, policy=_POLICY)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """Answer while the process runs."""
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Answer 200 if the service can work, else 503 with its troubles.

        What is `degraded` needs a person, but does not keep the service from its work.
        """
        troubles = health.troubles
        status = HTTPStatus.SERVICE_UNAVAILABLE if troubles else HTTPStatus.OK
        content = {"ready": not troubles, "troubles": troubles, "degraded": health.degradations}
        return JSONResponse(content, status)

    @app.get("/metrics")
    async def metrics_text() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app
