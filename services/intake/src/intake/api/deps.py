"""What routes share: the database, and which error is which problem."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated

from fastapi import Depends, Request

from common.contracts.event import ContactId
from common.http.access import Principal
from common.http.app import get_database
from common.http.group_commit import CommandBatcher
from common.http.problems import ProblemError
from common.storage.database import Database
from intake import domain
from intake.handlers import ContactNotFoundError, IdempotencyKey, KeyReusedError, NewContact
from intake.store import UnitOfWork

IntakeDatabase = Annotated[Database[UnitOfWork], Depends(get_database)]


def receiving(request: Request) -> CommandBatcher[UnitOfWork, NewContact, ContactId]:
    together: CommandBatcher[UnitOfWork, NewContact, ContactId] = request.app.state.receiving
    return together


@asynccontextmanager
async def work(database: Database[UnitOfWork]) -> AsyncIterator[UnitOfWork]:
    """Open a transaction whose refusals become problems."""
    with problems():
        async with database.transaction() as uow:
            yield uow


@contextmanager
def problems() -> Iterator[None]:
    try:
        yield
    except ContactNotFoundError as error:
        raise ProblemError(404, "contact-unknown", "There is no such contact.") from error
    except domain.WrongStateError as error:
        raise ProblemError(409, "wrong-state", str(error), state=error.state) from error
    except KeyReusedError as error:
        detail = "This Idempotency-Key came before with another request."
        raise ProblemError(422, "idempotency-key-reused", detail) from error


async def once(request: Request, caller: Principal, key: str | None) -> IdempotencyKey | None:
    """Tell this request from others that may come under the same key from the same caller."""
    if key is None:
        return None
    told = f"{request.method} {request.scope['path']}\n".encode() + await request.body()
    return IdempotencyKey(f"{caller.role}:{caller.subject}", key, hashlib.sha256(told).hexdigest())
