"""Calls of addresses that others than operators name: nobody makes a service look into its network.

Every address of the host is checked, and the call goes to a checked one. An answer is bounded in
size and time, and a redirection is an answer.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import httpx
import orjson

from common.core.networks import Network, is_listed, is_public_host, read_address

# Look-ups at a time: one can't be ended, and who owns a domain decides how long it takes.
_MAX_LOOKUPS: Final = 8
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}


class CallError(Exception):
    """There is no whole answer; the text is for people, and has nothing that was sent."""


class ForbiddenAddressError(CallError):
    """The address may not be called: it is not public, or the call would not be encrypted."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:
        """Return None for what is no JSON."""
        try:
            return orjson.loads(self.content)
        except ValueError:
            return None


class GuardedCalls:
    """Calls public hosts by https, and hosts in `networks` also by http."""

    def __init__(
        self,
        networks: Sequence[Network] = (),
        *,
        timeout_s: float = 20.0,
        max_answer_bytes: int = 1024 * 1024,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._networks = networks
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        # Both are made when they are needed: most processes call nobody.
        self._context = context
        self._threads: ThreadPoolExecutor | None = None

    async def send(self, call: Call) -> Answer:
        """Raises CallError if there is no whole answer."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._send(call)
        except (TimeoutError, httpx.TimeoutException):
            raise CallError(f"no answer within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # Without the cause: its text may quote what was sent, and it is no failure of ours.
            raise CallError(f"no answer: {type(error).__name__}") from None

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _send(self, call: Call) -> Answer:
        url = httpx.URL(call.url)
        host, port = url.raw_host.decode("ascii"), url.port or _DEFAULT_PORTS.get(url.scheme)
        if not host or port is None or url.userinfo:
            raise ForbiddenAddressError
        address = self._choose(await self._look_up(host, port), url.scheme)
        headers = {
            "Accept": "application/json",
            # What is packed may be a thousand times as large when it is read.
            "Accept-Encoding": "identity",
            **call.headers,
            "Host": url.netloc.decode("ascii"),
        }
        if self._context is None:
            self._context = httpx.create_ssl_context(trust_env=False)
        async with (
            # A proxy of the environment would look up the host itself.
            httpx.AsyncClient(
                verify=self._context, trust_env=False, timeout=self._timeout_s
            ) as client,
            client.stream(
                call.method,
                url.copy_with(host=address),
                headers=headers,
                data=None if call.form is None else dict(call.form),
                extensions={"sni_hostname": host},
            ) as answer,
        ):
            return Answer(answer.status_code, answer.headers, await self._read(answer))

    async def _read(self, answer: httpx.Response) -> bytes:
        content = bytearray()
        async for part in answer.aiter_raw():
            content += part
            if len(content) > self._max_answer_bytes:
                raise CallError(f"the answer has over {self._max_answer_bytes} bytes")
        return bytes(content)

    async def _look_up(self, host: str, port: int) -> list[str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_MAX_LOOKUPS, thread_name_prefix="look-ups")
        look_up = partial(socket.getaddrinfo, host.strip("[]"), port, type=socket.SOCK_STREAM)
        places = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [str(place[4][0]) for place in places]

    def _choose(self, addresses: Sequence[str], scheme: str) -> str:
        """Return the address to call; raises ForbiddenAddressError if one may not be called."""
        listed = [is_listed(read_address(each), self._networks) for each in addresses]
        is_allowed = all(listed) or (
            scheme == "https"
            and all(
                own or is_public_host(each) for own, each in zip(listed, addresses, strict=True)
            )
        )
        if not addresses or not is_allowed:
            raise ForbiddenAddressError
        return addresses[0]
