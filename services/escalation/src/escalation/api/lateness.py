"""How late deadlines were handled, by the policies that set them."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from common.contracts.contract import Instant
from common.http.access import SupervisorUser
from common.http.examples import with_examples
from common.http.routes import ApiRouter
from escalation.api.deps import EscalationDatabase, check_length, transaction
from escalation.api.examples import LATENESS
from escalation.api.schemas import Out
from escalation.domain.queries import LATENESS_TOLERANCE_MS, Kind
from escalation.domain.types import SettingId

router = ApiRouter(prefix="/v1/lateness", tags=["lateness"])

_DEFAULT_PERIOD = timedelta(hours=24)
_LONGEST_PERIOD = timedelta(days=31)


class LatenessQuery(BaseModel, extra="forbid"):
    since: Instant | None = Field(None, description="24 hours before `until` if not given")
    until: Instant | None = Field(None, description="now if not given")
    policy: SettingId | None = Field(None, description="only deadlines of this policy")


class LatenessOut(Out):
    policy: str | None = Field(
        description="The policy that set the deadlines; null for those of escalations."
    )
    kind: Kind = Field(description="A clock's name, or what an escalation waited for.")
    count: int = Field(description="How many deadlines were handled.")
    p50_ms: float = Field(description="Median lateness.")
    p99_ms: float = Field(description="99th percentile of the lateness.")
    max_ms: float = Field(description="Greatest lateness.")
    over_50_ms: int = Field(
        description=f"How many were handled more than {LATENESS_TOLERANCE_MS} ms late."
    )


class LatenessReport(Out):
    model_config = with_examples(LATENESS)

    since: datetime = Field(description="Start of the period, included.")
    until: datetime = Field(description="End of the period, not included.")
    deadlines: list[LatenessOut] = Field(description="One entry per policy and kind.")


@router.get("")
async def show_lateness(
    query: Annotated[LatenessQuery, Query()], database: EscalationDatabase, _caller: SupervisorUser
) -> LatenessReport:
    """Show how late each deadline was handled, from `since` to `until`, 31 days at most."""
    async with transaction(database) as uow:
        until = query.until or uow.now
        since = query.since or until - _DEFAULT_PERIOD
        check_length(since, until, _LONGEST_PERIOD, "query/until", after="since")
        deadlines = await uow.queries.lateness(since, until, query.policy)
    return LatenessReport(
        since=since,
        until=until,
        deadlines=[LatenessOut.model_validate(deadline) for deadline in deadlines],
    )
