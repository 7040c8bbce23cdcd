"""A service that admits people by the tokens of an issuer, whose keys it reads over HTTP."""

import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

import devstack
from common.core.metrics import Metrics
from common.http.access import Principal, is_still_valid
from common.http.key_set_client import UnreadableKeySetError, fetch_key_set
from common.http.server import HttpServer
from common.storage.database import Database
from common.storage.known_people import record_person
from support.api_keys import SHOP, Replica, open_replica
from support.people import described
from support.probe import UnitOfWork, run_workers
from support.tokens import ISSUER, Issuer
from support.waiting import until

pytestmark = pytest.mark.usefixtures("key_server")


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def key_server(issuer: Issuer) -> AsyncIterator[str]:
    """Serve the issuer's keys, and answers that are none; yield the address."""

    async def keys(_: Request) -> Response:
        return Response(await issuer.fetch(str(ISSUER.jwks_url)), media_type="application/json")

    async def moved(_: Request) -> Response:
        return RedirectResponse("/keys")

    async def too_large(_: Request) -> Response:
        return JSONResponse({"keys": ["x" * 300_000]})

    routes = [Route("/keys", keys), Route("/moved", moved), Route("/too-large", too_large)]
    port = devstack.free_port()
    server = HttpServer(Starlette(routes=routes), "127.0.0.1", port, Metrics())
    async with run_workers(server):
        await until(partial(getattr, server, "started"))
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def replica(database: Database[UnitOfWork], key_server: str) -> AsyncIterator[Replica]:
    async with database.transaction() as uow:
        await record_person(described("sara"), uow)
    settings = ISSUER.model_dump() | {"jwks_url": f"{key_server}/keys"}
    async with open_replica(database, token_issuers=[settings]) as replica:
        yield replica


async def test_token_admits_the_person_beside_the_api_keys(
    replica: Replica, issuer: Issuer
) -> None:
    headers = {"Authorization": f"Bearer {issuer.issue()}"}
    answer = await replica.client.get("/v1/mine", headers=headers)
    assert answer.json() == {"name": "supervisor:sara"}
    assert await replica.status(SHOP) == 200


async def test_refusal_says_what_is_wrong_with_the_token(replica: Replica, issuer: Issuer) -> None:
    headers = {"Authorization": f"Bearer {issuer.issue(aud='payroll')}"}
    answer = await replica.client.get("/v1/mine", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "The token's claim aud is missing or wrong."
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_role_of_a_token_is_checked_as_that_of_a_key(
    replica: Replica, issuer: Issuer
) -> None:
    assert await replica.status(issuer.issue(groups="agents")) == 403


async def test_person_who_leaves_is_refused_when_the_service_hears_of_it(
    replica: Replica, issuer: Issuer, database: Database[UnitOfWork]
) -> None:
    token = issuer.issue()
    caller = Principal("supervisor", "sara", issuer=ISSUER.issuer)
    assert await replica.status(token) == 200
    async with database.transaction() as uow:
        await record_person(described("sara", active=False), uow)
    await replica.worker.refresh()
    assert await replica.status(token) == 401
    assert not is_still_valid(replica.app, caller)
    async with database.transaction() as uow:
        await record_person(described("sara"), uow)
    await replica.worker.refresh()
    assert await replica.status(token) == 200


async def test_nobody_is_admitted_by_a_token_before_the_people_are_loaded(
    database: Database[UnitOfWork], key_server: str, issuer: Issuer
) -> None:
    async with database.transaction() as uow:
        await record_person(described("sara", active=False), uow)
    settings = ISSUER.model_dump() | {"jwks_url": f"{key_server}/keys"}
    replica = Replica(database, token_issuers=[settings])
    async with replica.client:
        assert await replica.status(issuer.issue()) == 503
        await replica.worker.refresh()
        assert await replica.status(issuer.issue()) == 401


async def test_answer_that_takes_long_ends_with_the_token(
    replica: Replica, issuer: Issuer, database: Database[UnitOfWork]
) -> None:
    caller = await replica.app.state.tokens.verify(issuer.issue())
    assert is_still_valid(replica.app, caller)
    database.clock.offset = timedelta(minutes=6)
    assert not is_still_valid(replica.app, caller)


async def test_unreachable_issuer_makes_the_service_unavailable_to_its_people_only(
    database: Database[UnitOfWork], issuer: Issuer
) -> None:
    nowhere = ISSUER.model_dump() | {"jwks_url": f"http://127.0.0.1:{devstack.free_port()}/keys"}
    async with open_replica(database, token_issuers=[nowhere]) as replica:
        assert await replica.status(issuer.issue()) == 503
        assert await replica.status(SHOP) == 200


async def test_key_set_of_an_issuer_that_is_away_is_unreadable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnreadableKeySetError):
        await fetch_key_set(f"http://127.0.0.1:{port}/keys")


@pytest.mark.parametrize("path", ["moved", "too-large", "nowhere"])
async def test_key_set_is_read_from_its_address_only_and_within_bounds(
    database: Database[UnitOfWork], key_server: str, issuer: Issuer, path: str
) -> None:
    settings = ISSUER.model_dump() | {"jwks_url": f"{key_server}/{path}"}
    async with open_replica(database, token_issuers=[settings]) as replica:
        assert await replica.status(issuer.issue()) == 503
    assert await fetch_key_set(f"{key_server}/keys")
