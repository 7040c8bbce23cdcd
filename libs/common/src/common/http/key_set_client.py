"""Reads the public keys of issuers over HTTP; imported only where an issuer has a `jwks_url`."""

from typing import Final

import httpx

_TIMEOUT_S: Final = 5
_MAX_KEY_SET_BYTES: Final = 256 * 1024


class UnreadableKeySetError(ValueError):
    """The issuer does not answer with a key set of usual size."""


async def fetch_key_set(url: str) -> bytes:
    """Read a key set; raises UnreadableKeySetError."""
    content = bytearray()
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT_S) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
        ):
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > _MAX_KEY_SET_BYTES:
                    message = f"over {_MAX_KEY_SET_BYTES} bytes"
                    raise UnreadableKeySetError(message)
    except httpx.HTTPError as error:
        raise UnreadableKeySetError(repr(error)) from error
    return bytes(content)
