"""The composition root of intake."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from common.contracts.services import INBOUND_TOPIC, REFUSED_TOPIC
from common.core.health import Health
from common.core.metrics import Metrics
from common.core.networks import read_networks
from common.http.group_commit import CommandBatcher
from common.http.guarded_calls import GuardedCalls
from common.http.limits import BodyLimit
from common.service.cli import service_cli
from common.service.runtime import Worker
from common.service.spec import ServiceSpec
from common.storage.database import Database
from intake import api, commands, deliveries, handlers, reception, tables
from intake.access_tokens import AccessTokens
from intake.api.rate_limits import PROBLEMS, ChannelRateLimits
from intake.case_systems.dynamics import DynamicsCases
from intake.channels.base import Channel
from intake.channels.registry import CHANNELS, MAIL_KINDS
from intake.connection_secrets import ConnectionSecrets
from intake.connections.activity import ActivityWriter, NoticedActivity
from intake.domain.silence import Listener
from intake.domain.understanding.signs import SignReader
from intake.metrics import CaseReadMetrics, InboundMetrics, MailboxMetrics
from intake.rate_limiter import LeaseReturner, RateLimiter
from intake.settings import Settings
from intake.store import UnitOfWork
from intake.store.statuses import StatusSources
from intake.workers.case_reading import CaseReadingWorker, CaseRules
from intake.workers.inbound import GROUP, InboundWorker
from intake.workers.mailbox_reading import MailRules
from intake.workers.mailboxes import MailboxWorker

_MB: Final = 1024 * 1024
# Nobody reads who has a contact, or its status, within a tenth of a second after it changed.
_LINGER_S: Final = 0.1
# The description of a case has a million characters at most.
_LARGEST_CASE_BYTES: Final = 8 * _MB
_LISTENERS: Final[Mapping[str, tuple[Listener, ...]]] = {
    "all": ("webhooks", "workers"),
    "http": ("webhooks",),
    "workers": ("workers",),
}


class MissingKeyError(SystemExit):
    """A key that the service can't do without is not set."""


def build(
    settings: Settings, channels: Mapping[str, Channel] = CHANNELS
) -> ServiceSpec[UnitOfWork]:
    namespaces = settings.namespaces()
    signs = SignReader(settings.understanding.rules())
    noticed = NoticedActivity()
    limiter = RateLimiter()
    limits = settings.channel_rate_limits

    def http_workers(
        database: Database[UnitOfWork], metrics: Metrics, _health: Health
    ) -> Sequence[Worker]:
        _require_encryption_keys(settings)
        return [
            ActivityWriter(noticed, database, metrics, _LISTENERS[settings.parts]),
            LeaseReturner(limiter, database),
        ]

    def workers(
        database: Database[UnitOfWork], metrics: Metrics, health: Health
    ) -> Sequence[Worker]:
        _require_encryption_keys(settings)
        inbound = InboundWorker(
            settings, database, namespaces, signs, noticed, metrics, InboundMetrics(metrics), health
        )
        calls = GuardedCalls(
            read_networks(settings.call_networks), max_answer_bytes=_LARGEST_CASE_BYTES
        )
        tokens = AccessTokens(calls, database)
        cases = CaseReadingWorker(
            {"dynamics": DynamicsCases(calls, settings.microsoft_login_url, database.clock)},
            tokens,
            database,
            CaseRules(namespaces, signs),
            noticed,
            CaseReadMetrics(metrics),
        )
        mailboxes = MailboxWorker(
            settings,
            database,
            MailRules(namespaces, signs, settings.mail_body_mb * _MB),
            noticed,
            MailboxMetrics(metrics),
            tokens,
        )
        own: list[Worker] = []
        # Where webhooks are answered it is among the `http_workers`.
        if settings.parts == "workers":
            own.append(ActivityWriter(noticed, database, metrics, _LISTENERS[settings.parts]))
        return [
            *own,
            cases,
            *((inbound,) if settings.kafka_inbound else ()),
            *((mailboxes,) if settings.mailbox_poll_seconds else ()),
        ]

    return ServiceSpec(
        name="intake",
        unit_of_work=partial(
            UnitOfWork,
            secrets=ConnectionSecrets.from_settings(settings),
            status_sources=StatusSources(),
        ),
        subscriptions=handlers.SUBSCRIPTIONS,
        linger_s=_LINGER_S,
        retention=tables.RETENTION,
        routers=api.ROUTERS,
        webhook_paths=(api.channels.PATH,),
        body_limits=body_limits(settings),
        admission_problems=PROBLEMS,
        admit=ChannelRateLimits(limits, api.channels.PATH) if limits else None,
        # Contacts that come together share a transaction, and their keys one statement.
        unkeyed_paths=(api.contacts.router.prefix,),
        redelivery=partial(
            deliveries.receive_again, channels=channels, namespaces=namespaces, signs=signs
        ),
        state={
            "channels": channels,
            "customer_namespaces": namespaces,
            "sign_reader": signs,
            "noticed_activity": noticed,
            "rate_limiter": limiter,
        },
        app_state=app_state,
        workers=workers,
        http_workers=http_workers,
        read_topics=(INBOUND_TOPIC,),
        written_topics=(REFUSED_TOPIC,),
        groups=(GROUP,),
    )


def _require_encryption_keys(settings: Settings) -> None:
    if not settings.encryption_keys.all:
        raise MissingKeyError(
            "UPSTAIRS_ENCRYPTION_KEYS is empty: set it to what "
            "`python -m common encryption-key` prints."
        )


def body_limits(settings: Settings) -> Sequence[BodyLimit]:
    """Return how large webhooks may be; SendGrid drops what is refused with 4xx."""
    path = api.channels.PATH
    mail_bytes = settings.mail_body_mb * _MB
    return (
        *(BodyLimit(f"{path}{kind}/", mail_bytes, keep_sending=True) for kind in MAIL_KINDS),
        BodyLimit(path, settings.webhook_body_mb * _MB),
    )


def app_state(database: Database[UnitOfWork]) -> Mapping[str, object]:
    batcher = CommandBatcher(database, reception.receive_request, reception.prepare)
    return {"receive_batcher": batcher}


cli = service_cli("intake", Settings, build)
commands.install(cli)
