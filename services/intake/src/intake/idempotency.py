"""A request that comes again under its key is not done again: it gets the earlier result."""

from collections.abc import Sequence

from intake.domain.errors import KeyReusedError
from intake.domain.model import AcceptedRequest, IdempotencyKey
from intake.store import UnitOfWork


async def claim_key(key: IdempotencyKey, result: str, uow: UnitOfWork) -> str | None:
    """Return the earlier result of a request that was accepted before.

    Raises KeyReusedError if its key came with another request.
    """
    earlier = await uow.idempotency_keys.claim(_accepted(key, result), uow.now)
    if earlier is None:
        return None
    if earlier.fingerprint != key.fingerprint:
        raise KeyReusedError(f"{key.name} {key.key}")
    return earlier.result


async def claim_keys(requests: Sequence[tuple[IdempotencyKey, str]], uow: UnitOfWork) -> None:
    """Claim the keys of a whole batch, each with its result, with one statement."""
    await uow.idempotency_keys.claim_many([_accepted(*request) for request in requests], uow.now)


def _accepted(key: IdempotencyKey, result: str) -> AcceptedRequest:
    return AcceptedRequest(key.scope, key.key, key.fingerprint, result)
