"""What a caller may use of the HTTP server before any key is checked."""

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from common.core.clock import monotonic
from common.http.problems import ProblemError

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A provider gives each customer at least so much of IPv6.
_IPV6_PREFIX = 64
_MAX_CLIENTS = 10_000

MAX_BODY_BYTES = 256 * 1024
# Of all bodies over MAX_BODY_BYTES that a process holds at a time.
MAX_LARGE_BODIES_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How large a body may be below a path.

    With `keep_sending`, a larger one answers 503 in place of 413: its sender drops what is refused
    with 4xx, and repeats what is refused with 5xx.
    """

    path: str
    body_bytes: int
    keep_sending: bool = False

    def refusal(self) -> ProblemError:
        detail = f"The body is over {self.body_bytes} bytes."
        if not self.keep_sending:
            return ProblemError(413, "too-large", detail)
        # Another code: operators who raise the limit in time lose nothing.
        return ProblemError(503, "over-the-limit", detail, headers={"Retry-After": "3600"})


USUAL_BODY: Final = BodyLimit("/", MAX_BODY_BYTES)


class BodyLimits:
    """The limits of bodies by their paths; the first that fits counts."""

    def __init__(self, limits: Sequence[BodyLimit] = ()) -> None:
        self._limits = limits

    def find(self, path: str) -> BodyLimit:
        for limit in self._limits:
            if path.startswith(limit.path):
                return limit
        return USUAL_BODY


class LargeBodyMemory:
    """The bytes of large bodies that a process holds: what a body has over the usual limit."""

    def __init__(self, total_bytes: int = MAX_LARGE_BODIES_BYTES) -> None:
        self._total_bytes = total_bytes
        self.held_bytes = 0

    def grow(self, before: int, after: int) -> None:
        """Let a body grow; raises ProblemError if all bodies together would be too large."""
        more = max(after, MAX_BODY_BYTES) - max(before, MAX_BODY_BYTES)
        if self.held_bytes + more > self._total_bytes:
            detail = "The service reads too many large bodies now. Try again soon."
            headers = {"Retry-After": "5"}
            raise ProblemError(503, "too-many-large-bodies", detail, headers=headers)
        self.held_bytes += more

    def release(self, size: int) -> None:
        """Forget a body of this size."""
        self.held_bytes -= max(0, size - MAX_BODY_BYTES)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one server; those that operators must adapt are settings."""

    url_bytes: int = 8 * 1024
    # Of the whole head: request line and headers. Also of what follows a chunked body.
    head_bytes: int = 32 * 1024
    headers: int = 100
    # Of a body without the framing of its chunks, and of the framing.
    bodies: BodyLimits = field(default_factory=BodyLimits)
    framing_bytes: int = 768 * 1024
    # From the connection, or the first byte of a further request, to the end of the head.
    head_s: float = 10
    # From the end of the head to the end of the body.
    body_s: float = 20
    # Between two requests.
    idle_s: int = 15
    # How long a client may leave something of its answer unread.
    answer_s: float = 60
    # How long a client that is refused may take to read why.
    linger_s: float = 2
    # Requests that wait until an earlier one of their connection is answered.
    pipelined: int = 4
    connections: int = 800
    connections_per_client: int = 100


class TrustedProxies:
    """The reverse proxies whose `X-Forwarded-For` is believed."""

    def __init__(self, networks: str = "") -> None:
        """Take addresses or networks, separated by commas; raises ValueError."""
        self.networks: list[str] = [part.strip() for part in networks.split(",") if part.strip()]
        self._parsed: Sequence[_Network] = [ipaddress.ip_network(name) for name in self.networks]

    def __contains__(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._parsed)


def client_of(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or a customer's network of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        # A proxy may pass on anything.
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))


class ConnectionLimiter:
    """Counts open connections; a proxy may open as many as all clients together."""

    def __init__(self, limits: HttpLimits, proxies: TrustedProxies) -> None:
        self._limits = limits
        self._proxies = proxies
        self._open: Counter[str] = Counter()

    def admit(self, address: str) -> bool:
        client = client_of(address)
        if self._open.total() >= self._limits.connections:
            return False
        if (
            self._open[client] >= self._limits.connections_per_client
            and address not in self._proxies
        ):
            return False
        self._open[client] += 1
        return True

    def release(self, address: str) -> None:
        client = client_of(address)
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]


class WrongKeyLimiter:
    """A token bucket for each client that sends wrong keys or signatures."""

    def __init__(self, burst: int = 100, per_second: float = 1) -> None:
        self._burst = burst
        self._per_second = per_second
        # Tokens at a time; full buckets need no entry, so the oldest can go.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> bool:
        """Take a token; return False if there is none."""
        client, now = client_of(address), monotonic()
        tokens, at = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        allowed = tokens >= 1
        self._buckets[client] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return allowed
