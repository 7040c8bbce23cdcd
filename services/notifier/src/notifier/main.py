"""The composition root of the notifier."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import typer

from common.core.health import Health
from common.core.metrics import Metrics
from common.service.cli import service_cli
from common.service.runtime import Worker
from common.service.spec import ServiceSpec
from common.storage.database import Database
from notifier import api, handlers, tables
from notifier.allowed_origins import AllowedOrigins
from notifier.case_systems.registry import CaseSystemFactory
from notifier.channels.base import Channel
from notifier.channels.registry import CHANNELS
from notifier.channels.status_calls import StatusCaller
from notifier.commands.preview_template import preview_template
from notifier.commands.rotate_key import rotate_key
from notifier.domain.brake import BrakePolicy
from notifier.domain.circuits import CircuitPolicy
from notifier.domain.content_levels import ContentLevels
from notifier.domain.status_webhooks import StatusPolicy
from notifier.domain.write_backs.writes import WritePolicy
from notifier.links import Links
from notifier.message_templates.library import TemplateLibrary
from notifier.metrics import CaseWriteMetrics, DeliveryMetrics, HomeTabMetrics, StatusMetrics
from notifier.secret_addresses import AddressSealer
from notifier.settings import Settings
from notifier.store.unit_of_work import UnitOfWork
from notifier.use_cases.delivery_claims import DeliveryRules
from notifier.verification_codes import VerificationCodes
from notifier.web_push.vapid import VapidKey
from notifier.workers.case_writer import CaseWriter
from notifier.workers.delivery import DeliveryWorker
from notifier.workers.home_tabs import HomeTabWorker
from notifier.workers.maintenance import MaintenanceAnnouncer
from notifier.workers.receipts import ReceiptWorker
from notifier.workers.status_delivery import StatusDeliveryWorker
from notifier.workers.template_refresh import TemplateRefresh

# A token, two reads and a change: each gets its share of the time.
_CALLS_OF_A_WRITE: Final = 4


class MissingSecretError(SystemExit):
    """Without this secret anybody could answer in another person's name."""


def build(
    settings: Settings, channel_types: Sequence[type[Channel]] = CHANNELS
) -> ServiceSpec[UnitOfWork]:
    links = Links(
        settings.link_secret.get_secret_value(),
        settings.public_url,
        timedelta(hours=settings.link_max_age_hours),
        settings.console_url,
    )
    codes = VerificationCodes(settings.link_secret.get_secret_value())
    keys = settings.encryption_keys
    case_systems = CaseSystemFactory(
        AllowedOrigins.read(settings.write_back_systems),
        settings.write_back_login_url,
        keys.secret_box() if keys.all else None,
        settings.write_back_timeout_seconds / _CALLS_OF_A_WRITE,
    )
    channels = tuple(channel.from_settings(settings, links) for channel in channel_types)
    content = ContentLevels(settings.message_content)
    templates = TemplateLibrary()
    for channel in channels:
        channel.templates = templates

    def workers(
        database: Database[UnitOfWork], metrics: Metrics, health: Health
    ) -> Sequence[Worker]:
        _require_link_secret(settings)
        brake_policy = BrakePolicy(
            recipient=settings.recipient_budget,
            customer=settings.customer_budget,
            channel=settings.channel_budget,
            window=timedelta(seconds=settings.budget_window_seconds),
            interval=timedelta(seconds=settings.summary_interval_seconds),
            burst=settings.burst_budget,
            burst_window=timedelta(seconds=settings.burst_window_seconds),
            update_window=timedelta(seconds=settings.summary_update_seconds),
        )
        threaded = frozenset(channel.medium for channel in channels if channel.threaded)
        rules = DeliveryRules(
            settings.retry_policy,
            brake_policy,
            threaded,
            CircuitPolicy(
                failures=settings.circuit_failures,
                longest_wait=timedelta(seconds=settings.provider_wait_seconds),
            ),
            timedelta(seconds=settings.receipt_seconds),
            lists_storms=links.has_console,
            changeable=frozenset(
                channel.medium for channel in channels if channel.changes_summaries
            ),
            content=content,
        )
        slots, measured = settings.delivery_slots, DeliveryMetrics(metrics)
        write_policy = WritePolicy(timedelta(seconds=settings.write_back_timeout_seconds))
        has_receipts = any(channel.has_receipts for channel in channels)
        return [
            TemplateRefresh(templates, database, health),
            DeliveryWorker(channels, database, rules, slots, measured, health, codes),
            HomeTabWorker(channels, database, content, HomeTabMetrics(metrics), health),
            MaintenanceAnnouncer(database, health),
            *([ReceiptWorker(database, measured, health)] if has_receipts else ()),
            StatusDeliveryWorker(
                StatusCaller.from_settings(settings),
                database,
                status_policy(settings),
                StatusMetrics(metrics),
                health,
            ),
            CaseWriter(
                case_systems,
                database,
                links,
                write_policy,
                settings.write_back_slots,
                CaseWriteMetrics(metrics),
                health,
            ),
        ]

    def http_workers(*_: object) -> Sequence[Worker]:
        _require_link_secret(settings)
        return ()

    return ServiceSpec(
        name="notifier",
        unit_of_work=partial(UnitOfWork, default_steps=settings.delivery_steps),
        subscriptions=handlers.SUBSCRIPTIONS,
        retention=tables.RETENTION,
        routers=api.make_routers(channels),
        webhook_paths=(api.mail_reports.PREFIX,),
        form_paths=("/v1/acknowledgements/", "/v1/callbacks/", "/v1/mail-stops/"),
        unkeyed_paths=api.status_webhooks.PATHS_WITH_SECRETS,
        state={
            "links": links,
            "verification_codes": codes,
            "status_caller": StatusCaller.from_settings(settings),
            "case_systems": case_systems,
            "content_levels": content,
            "address_sealer": AddressSealer.from_keys(keys),
        },
        workers=workers,
        http_workers=http_workers,
    )


def status_policy(settings: Settings) -> StatusPolicy:
    return StatusPolicy(
        slots=settings.status_webhook_slots,
        timeout=timedelta(seconds=settings.status_webhook_timeout_seconds),
    )


def _require_link_secret(settings: Settings) -> None:
    if not settings.link_secret.all:
        raise MissingSecretError("UPSTAIRS_LINK_SECRET is empty: set it to a long random text.")


cli = service_cli("notifier", Settings, build)
cli.command()(rotate_key)
cli.command()(preview_template)


@cli.command()
def make_push_key() -> None:
    """Print a new key for UPSTAIRS_WEB_PUSH_KEY, which lets browsers show notifications."""
    typer.echo(f"UPSTAIRS_WEB_PUSH_KEY={VapidKey.generate().private}")
