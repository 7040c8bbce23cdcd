"""The screens, one file each."""

from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter

from console.pages import (
    actions,
    adjustments,
    alarms,
    bulk,
    connections,
    devices,
    duty,
    escalation,
    floor,
    home,
    keys,
    live,
    message_templates,
    mine,
    now,
    preferences,
    saved_views,
    sessions,
    setting_forms,
    settings,
    sign_in,
    simulations,
    status_webhooks,
    system_secrets,
    wall,
    write_backs,
)

ROUTERS: Final[Sequence[APIRouter]] = (
    sign_in.router,
    sessions.router,
    keys.router,
    home.router,
    floor.router,
    adjustments.router,
    mine.router,
    duty.router,
    system_secrets.router,
    connections.router,
    status_webhooks.router,
    write_backs.router,
    message_templates.router,
    setting_forms.router,
    settings.router,
    preferences.router,
    now.router,
    wall.router,
    saved_views.router,
    bulk.router,
    alarms.router,
    devices.router,
    escalation.router,
    actions.router,
    live.router,
    simulations.router,
)
