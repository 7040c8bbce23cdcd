"""The pages to operations about outside systems that are silent, and that are heard again."""

from typing import assert_never

from common.contracts.connection_pages import ConnectionPageRequested, PagedConnection
from common.contracts.contacts import ConnectionHeardAgain, ConnectionSilent
from common.contracts.event import PageId
from common.core.ids import derived_id


def page_about_connection(
    event: ConnectionSilent | ConnectionHeardAgain,
) -> ConnectionPageRequested:
    match event:
        case ConnectionSilent(expected_every_minutes=minutes):
            connection = PagedConnection(
                system=event.system,
                silent_since=event.silent_since,
                expected_every_minutes=minutes,
            )
        case ConnectionHeardAgain(heard_at=heard_at):
            connection = PagedConnection(
                system=event.system, silent_since=event.silent_since, heard_at=heard_at
            )
        case _:
            assert_never(event)
    parts = "connection", event.system, event.type, event.silent_since.isoformat()
    return ConnectionPageRequested(
        contact_id=event.contact_id,
        occurred_at=event.occurred_at,
        page_id=PageId(derived_id(*parts)),
        connection=connection,
    )
