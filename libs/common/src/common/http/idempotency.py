"""Heeds `Idempotency-Key` for every request that changes something: a repeat is not done again.

One transaction holds all that the request does and its answer, so that neither is without the
other. The answer is stored last: a repeat finds it there, and what it has done is undone. A refused
request leaves nothing behind: the key is free for the corrected one.
"""

import hashlib
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from common.core.text import is_visible
from common.http.access import SAFE_METHODS, Principal, caller_of
from common.http.problems import ProblemError, invalid
from common.http.routes import ApiRoute
from common.http.whole_request import WholeRequest
from common.storage.database import Database, SharedTransaction
from common.storage.idempotency import (
    KEPT_DAYS,
    AcceptedRequest,
    IdempotencyKeyStore,
    RequestKey,
)

HEADER: Final = "Idempotency-Key"
_FIELD: Final = b"idempotency-key"
MAX_CHARACTERS: Final = 200
REPLAYED_HEADER: Final = "Idempotency-Replayed"
DESCRIPTION: Final = (
    "Any text of your own that names this request. Send the same key when you send the same "
    "request again: it is done once, and the repeat gets the first answer (200 in place of 201) "
    f"with the header {REPLAYED_HEADER}. The same key with other content is refused with 422; "
    "content is compared as JSON, so that white space and the order of fields do not count. A "
    f"refused request leaves its key free. A key is kept for {KEPT_DAYS} days, unless the operator "
    "sets another time, and belongs to the role and the subject of the caller."
)


class IdempotentHandler:
    """Calls `handle` once for each key.

    Routes that are declared with one of the `unkeyed_paths` heed it on their own or not at all.
    """

    def __init__(
        self,
        handle: Callable[[WholeRequest], Awaitable[Response]],
        unkeyed_paths: Collection[str] = (),
    ) -> None:
        self._handle = handle
        self._unkeyed_paths = frozenset(unkeyed_paths)

    async def __call__(self, request: WholeRequest) -> Response:
        caller = await self._keyed_caller(request) if _FIELD in request.fields else None
        if caller is None:
            return await self._handle(request)
        key = check_key(request.text_of(_FIELD))
        request_key = RequestKey(caller.name, key, fingerprint_of(request))
        return await self._handle_once(request_key, request)

    async def _keyed_caller(self, request: WholeRequest) -> Principal | None:
        """Return whose key the request has, if it is to be heeded here.

        A caller without a valid API key, or who may only read, is refused by the route.
        """
        route: ApiRoute = request.scope["route"]
        if request.method in SAFE_METHODS or route.path in self._unkeyed_paths:
            return None
        caller = await caller_of(request)
        return caller if caller and "write" in caller.scopes else None

    async def _handle_once(self, key: RequestKey, request: WholeRequest) -> Response:
        database: Database[Any] = request.app.state.database
        try:
            async with database.share_transaction() as shared:
                response = await self._handle(request)
                if await _keep(key, response, shared):
                    return response
        except Exception:
            # A repeat may be refused because the first request is done.
            earlier = await _find_earlier(key, database)
            if earlier is None:
                raise
        else:
            earlier = await _find_earlier(key, database)
            if earlier is None:
                return response
        if earlier.fingerprint != key.fingerprint:
            detail = f"The key {key.key} was used before for another request."
            raise ProblemError(422, "idempotency-key-reused", detail)
        return _replayed(earlier.answer)


async def _keep(key: RequestKey, response: Response, shared: SharedTransaction) -> bool:
    """Commit all with the answer; return False for a refusal, and for a repeat."""
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        return False
    is_first = await IdempotencyKeyStore(shared.connection).add(key, _stored(response))
    if is_first:
        await shared.commit()
    return is_first


async def _find_earlier(key: RequestKey, database: Database[Any]) -> AcceptedRequest | None:
    async with database.share_transaction() as shared:
        return await IdempotencyKeyStore(shared.connection).find(key)


def check_key(key: str) -> str:
    """Return the key; raises ProblemError unless it is a text of one line."""
    if not 0 < len(key) <= MAX_CHARACTERS or not is_visible(key):
        detail = f"must be 1 to {MAX_CHARACTERS} visible characters in one line"
        raise invalid((f"header/{HEADER}", detail))
    return key


def fingerprint_of(request: WholeRequest) -> str:
    """Return a digest of what the request says: another address or content gives another one."""
    try:
        content = orjson.dumps(request.parse(), option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        # The route refuses it, or takes none.
        content = request.content
    scope = request.scope
    query = scope.get("query_string", b"")
    address = f"{scope['method']} {scope['path']}?".encode() + query + b"\n"
    return hashlib.sha256(address + content).hexdigest()


def _stored(response: Response) -> str:
    headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in _kept(response)]
    body = bytes(response.body).decode()
    answer = {"status": response.status_code, "headers": headers, "body": body}
    return orjson.dumps(answer).decode()


def _kept(response: Response) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in response.raw_headers if name != b"content-length"]


def _replayed(answer: dict[str, Any] | None) -> Response:
    if answer is None:
        detail = "The request was done before. Its answer was erased with words of a customer."
        raise ProblemError(409, "answer-erased", detail)
    # A repeat creates nothing.
    created = answer["status"] == HTTPStatus.CREATED
    status = HTTPStatus.OK if created else answer["status"]
    response = Response(answer["body"] or None, status)
    for name, value in answer["headers"]:
        response.headers[name] = value
    response.headers[REPLAYED_HEADER] = "true"
    return response
