"""What a system with a rate limit is told: the `RateLimit` headers, and refusals.

The headers are as draft-ietf-httpapi-ratelimit-headers-10 has them.
"""

from collections.abc import Mapping
from typing import Final

from common.contracts.event import SystemName
from common.core.metrics import Metrics
from common.http.access import SAFE_METHODS, caller_of
from common.http.problems import ProblemError
from common.http.whole_request import WholeRequest
from common.storage.database import Database
from intake.channels.base import RefusalOverLimit
from intake.domain.rate_limits import RateLimit
from intake.rate_limiter import Admission, RateLimiter
from intake.store import UnitOfWork

CODE: Final = "rate-limited"
PROBLEMS: Final = ((429, CODE),)
_EVERY_OTHER: Final = "*"
# The name of the policy in the headers; each system has one.
_POLICY: Final = '"deliveries"'
# Programs with an API key are told by the status that is meant for it.
_TOO_MANY: Final = RefusalOverLimit(429)


async def require_within_limit(
    system: SystemName,
    limit: RateLimit,
    request: WholeRequest,
    refusal: RefusalOverLimit = _TOO_MANY,
) -> None:
    """Count the request, and let its answer say what is left; raises ProblemError."""
    limiter: RateLimiter = request.app.state.rate_limiter
    database: Database[UnitOfWork] = request.app.state.database
    admission = await limiter.admit(system, limit, database)
    request.answer_headers = _headers(admission)
    if admission.is_admitted:
        return
    metrics: Metrics = request.app.state.metrics
    kind, _, _ = system.partition(":")
    metrics.rate_limited.labels(kind).inc()
    wait_s = min(admission.more_in_s, refusal.longest_wait_s or admission.more_in_s)
    headers = {"Retry-After": str(wait_s)}
    raise ProblemError(refusal.status, CODE, _detail(limit), headers=headers)


class ChannelRateLimits:
    """The limits of callers with an API key of the role `channel`, by their subject."""

    def __init__(self, limits: Mapping[str, RateLimit], webhook_path: str) -> None:
        self._limits = limits
        self._webhook_path = webhook_path

    async def __call__(self, request: WholeRequest) -> None:
        """Count a request that changes something; raises ProblemError if it is over the limit.

        A webhook counts for its connection, whatever key comes with it.
        """
        path: str = request.scope["path"]
        if request.method in SAFE_METHODS or path.startswith(self._webhook_path):
            return
        caller = await caller_of(request)
        if caller is None or caller.role != "channel" or "write" not in caller.scopes:
            # Its route says what it may do.
            return
        limit = self._limits.get(caller.subject) or self._limits.get(_EVERY_OTHER)
        if limit is not None:
            await require_within_limit(SystemName(caller.name), limit, request)


def _detail(limit: RateLimit) -> str:
    return (
        f"The rate limit is {limit.deliveries} in {limit.per_seconds} s. Nothing was done: send it "
        "again later."
    )


def _headers(admission: Admission) -> Mapping[str, str]:
    limit = admission.limit
    return {
        "RateLimit-Policy": f"{_POLICY};q={limit.deliveries};w={limit.per_seconds}",
        "RateLimit": f"{_POLICY};r={admission.remaining};t={admission.more_in_s}",
    }
