"""A request that comes again under its key is not done again: it gets the earlier result."""

from collections.abc import Sequence

from intake.domain.errors import KeyReusedError
from intake.domain.model import AcceptedRequest, IdempotencyKey
from intake.store import UnitOfWork


async def claim_key(key: IdempotencyKey, result: str, uow: UnitOfWork) -> str | None:
    """Return the earlier result of a request that was accepted before.

    Raises KeyReusedError if its key came with another request.
    """
    await claim_keys([(key, result)], uow)
    return take_claim(key, uow)


def take_claim(key: IdempotencyKey, uow: UnitOfWork) -> str | None:
    """Return what `claim_key` does, of a key that `claim_keys` has claimed."""
    earlier = uow.idempotency_keys.take(key)
    if earlier is None:
        return None
    if earlier.fingerprint != key.fingerprint:
        raise KeyReusedError(f"{key.name} {key.key}")
    return earlier.result


async def claim_keys(requests: Sequence[tuple[IdempotencyKey, str]], uow: UnitOfWork) -> None:
    """Claim the keys of a whole batch, each with its result, with one statement."""
    await uow.idempotency_keys.claim(
        [
            AcceptedRequest(key.scope, key.key, key.fingerprint, result, uow.now)
            for key, result in requests
        ]
    )
