"""A push service of the tests: takes messages for browsers, and reads them as a browser does."""

import re
from dataclasses import dataclass, field
from typing import Any

import http_ece
import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from common.core.ids import new_id
from notifier.web_push.vapid import decode, encode
from support.loopback_server import LoopbackServer

_VAPID = re.compile(r"vapid t=([\w.-]+), k=([\w-]+)")


@dataclass(frozen=True)
class Subscription:
    """A browser that has subscribed."""

    endpoint: str
    auth: bytes = b"a secret of 16 b"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False
    )

    @property
    def fields(self) -> dict[str, str]:
        """As the browser gives them to the page."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "p256dh": encode(point), "auth": encode(self.auth)}

    def read(self, content: bytes) -> dict[str, Any]:
        plain = http_ece.decrypt(
            content, private_key=self.key, auth_secret=self.auth, version="aes128gcm"
        )
        message: dict[str, Any] = orjson.loads(plain)
        return message


@dataclass(frozen=True)
class Push:
    """`claims` are of the token, whose signature is right; `key` is the public key in it."""

    path: str
    headers: dict[str, str]
    content: bytes
    claims: dict[str, Any]
    key: str


class PushService(LoopbackServer):
    """Answers 201, or what `answers` has for the path: a status, and its headers."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.answers: dict[str, tuple[int, dict[str, str]]] = {}
        app = web.Application()
        app.router.add_post("/{name}", self._take)
        super().__init__(app)

    def subscribe(self) -> Subscription:
        return Subscription(f"{self.url}/{new_id()}")

    def received(self, subscription: Subscription) -> list[Push]:
        path = subscription.endpoint.removeprefix(self.url)
        return [push for push in self.pushes if push.path == path]

    def answer(self, subscription: Subscription, status: int, **headers: str) -> None:
        path = subscription.endpoint.removeprefix(self.url)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, named)

    async def _take(self, request: web.Request) -> web.Response:
        match = _VAPID.fullmatch(request.headers["Authorization"])
        assert match
        claims = jwt.decode(match[1], _public_key(match[2]), algorithms=["ES256"]).claims
        content = await request.read()
        headers = dict(request.headers)
        self.pushes.append(Push(request.path, headers, content, claims, match[2]))
        status, more = self.answers.get(request.path, (201, {}))
        return web.Response(status=status, headers=more)


def _public_key(text: str) -> ECKey:
    point = decode(text)
    half = len(point) // 2
    x, y = encode(point[1 : half + 1]), encode(point[half + 1 :])
    return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": x, "y": y})
