"""The composition root of notifier."""

from collections.abc import Sequence
from datetime import timedelta

from common.core.health import Health
from common.core.metrics import Metrics
from common.service.cli import service_cli
from common.service.runtime import Worker
from common.service.spec import ServiceSpec
from common.storage.database import Database
from notifier import api, handlers
from notifier.channels.email import Email
from notifier.channels.slack import Slack
from notifier.delivery import Courier
from notifier.domain.delivering import Patience
from notifier.links import Links
from notifier.metrics import DeliveryMetrics
from notifier.settings import Settings
from notifier.store import UnitOfWork


class Unsafe(SystemExit):
    """A secret is missing without which anybody could answer in somebody's name."""


def build(settings: Settings) -> ServiceSpec[UnitOfWork]:
    links = Links(
        settings.link_secret.get_secret_value(),
        settings.public_url,
        timedelta(hours=settings.link_max_age_hours),
    )

    def workers(
        database: Database[UnitOfWork], metrics: Metrics, health: Health
    ) -> Sequence[Worker]:
        if not settings.link_secret.get_secret_value():
            raise Unsafe("UPSTAIRS_LINK_SECRET is empty: set it to a long random string.")
        return couriers(settings, links, database, metrics, health)

    return ServiceSpec(
        name="notifier",
        unit_of_work=UnitOfWork,
        subscriptions=handlers.SUBSCRIPTIONS,
        routers=api.ROUTERS,
        state={
            "links": links,
            "slack_signing_secret": settings.slack_signing_secret.get_secret_value(),
        },
        workers=workers,
    )


def couriers(
    settings: Settings,
    links: Links,
    database: Database[UnitOfWork],
    metrics: Metrics,
    health: Health,
) -> Sequence[Courier]:
    timeout = timedelta(seconds=settings.delivery_timeout_seconds)
    patience = Patience(attempts=settings.delivery_attempts, timeout=timeout)
    measured = DeliveryMetrics(metrics.registry)
    slack = Slack(settings.slack_api_url, settings.slack_token.get_secret_value(), links, timeout)
    password = settings.smtp_password.get_secret_value()
    email = Email(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_tls,
        credentials=(settings.smtp_user, password) if settings.smtp_user else None,
        sender=settings.mail_from,
        links=links,
        timeout=timeout,
    )
    slots = settings.delivery_slots
    return (
        Courier("slack", slack, database, patience, slots, measured, health),
        Courier("email", email, database, patience, slots, measured, health),
    )


cli = service_cli("notifier", Settings, build)
