"""What intake is compared with: one route that inserts one row and commits, and nothing else.

It runs as a process of its own: `python -m bench.bare_intake PORT`, with `BENCH_DSN` set.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel

from common.core.ids import new_id

DSN_VARIABLE = "BENCH_DSN"
TABLE = "CREATE TABLE bare_contacts (contact_id uuid PRIMARY KEY, body jsonb)"
_INSERT = "INSERT INTO bare_contacts (contact_id, body) VALUES ($1::uuid, $2::jsonb)"
_CONNECTIONS = 20


class Customer(BaseModel):
    customer_id: str
    name: str
    tier: str
    region: str


class Contact(BaseModel):
    channel: str
    customer: Customer
    subject: str
    topic: str
    priority: str
    text: str | None = None


class Received(BaseModel):
    contact_id: str


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ[DSN_VARIABLE], max_size=_CONNECTIONS) as pool:
        app.state.pool = pool
        yield


async def receive(contact: Contact, request: Request) -> Received:
    pool: Any = request.app.state.pool
    contact_id = new_id()
    async with pool.acquire() as connection:
        await connection.execute(_INSERT, contact_id, contact.model_dump_json())
    return Received(contact_id=contact_id)


async def get_ready() -> None:
    """Answer once the application has started."""


def main() -> None:
    app = FastAPI(lifespan=_connected, openapi_url=None)
    app.post("/v1/contacts", status_code=201)(receive)
    app.get("/readyz")(get_ready)
    port = int(sys.argv[1])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
