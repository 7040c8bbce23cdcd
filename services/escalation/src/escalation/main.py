"""The composition root of escalation."""

from common.cli import service_cli
from common.service import Parts
from escalation import api, handlers
from escalation.audit import Auditor
from escalation.metrics import AuditMetrics
from escalation.settings import Settings
from escalation.store import UnitOfWork


def parts(_settings: Settings) -> Parts[UnitOfWork]:
    return Parts(
        name="escalation",
        unit_of_work=UnitOfWork,
        subscriptions=handlers.SUBSCRIPTIONS,
        routers=api.ROUTERS,
        workers=lambda database, metrics, _: (Auditor(database, AuditMetrics(metrics.registry)),),
    )


cli = service_cli("escalation", Settings, parts)
