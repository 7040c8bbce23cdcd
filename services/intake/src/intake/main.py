"""The composition root of intake."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from common.http.group_commit import CommandBatcher
from common.http.limits import BodyLimit
from common.service.cli import service_cli
from common.service.spec import ServiceSpec
from common.storage.database import Database
from intake import api, commands, deliveries, handlers, reception, tables
from intake.channels.base import Channel
from intake.channels.registry import CHANNELS, MAIL_KINDS
from intake.domain.customers import CustomerNamespaces
from intake.domain.understanding.signs import SignReader
from intake.settings import Settings
from intake.store import UnitOfWork

_MB: Final = 1024 * 1024
# Nobody reads who has a contact, or its status, within a tenth of a second after it changed.
_LINGER_S: Final = 0.1


def build(
    settings: Settings, channels: Mapping[str, Channel] = CHANNELS
) -> ServiceSpec[UnitOfWork]:
    namespaces = CustomerNamespaces(settings.customer_namespaces)
    signs = SignReader(settings.understanding.rules())
    return ServiceSpec(
        name="intake",
        unit_of_work=UnitOfWork,
        subscriptions=handlers.SUBSCRIPTIONS,
        linger_s=_LINGER_S,
        retention=tables.RETENTION,
        routers=api.ROUTERS,
        webhook_paths=(api.channels.PATH,),
        body_limits=body_limits(settings),
        # Contacts that come together share a transaction, and their keys one statement.
        unkeyed_paths=(api.contacts.router.prefix,),
        redelivery=partial(
            deliveries.receive_again, channels=channels, namespaces=namespaces, signs=signs
        ),
        state={"channels": channels, "customer_namespaces": namespaces, "sign_reader": signs},
        app_state=app_state,
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
