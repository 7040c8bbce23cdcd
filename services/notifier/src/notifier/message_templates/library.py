"""The templates in force, compiled, in the process that sends messages."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from jinja2 import Template

from common.contracts.event import NotificationId
from common.contracts.notifications import Medium
from common.core.text import one_line
from notifier.domain.message_templates import ANY, MessageTemplate, TemplateKey, TemplateKind
from notifier.domain.notifications import Notification
from notifier.domain.reasons import Reason
from notifier.message_templates.limits import limits_of
from notifier.message_templates.sandbox import Sandbox, TemplateRefusedError, render
from notifier.message_templates.variables import values_of
from notifier.rendering import slack_clipped

# Of messages that are on their way: each is taken when its attempt ends.
_MAX_FAILURES: Final = 1000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MessageText:
    """What a template has written. `title` is one line; both are in the markup of the medium."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class _Compiled:
    source: MessageTemplate
    title: Template
    body: Template


class TemplateLibrary:
    """Empty until `load`: then the shipped templates write all messages."""

    def __init__(self) -> None:
        self._compiled: Mapping[TemplateKey, _Compiled] = {}
        self._failures: OrderedDict[NotificationId, str] = OrderedDict()

    def load(self, templates: Iterable[MessageTemplate]) -> None:
        """Take these in place of all before; one that can't be compiled is left out."""
        compiled = {}
        for template in templates:
            before = self._compiled.get(template.key)
            if before is not None and before.source == template:
                compiled[template.key] = before
            elif template.body is not None:
                try:
                    compiled[template.key] = _compile(template)
                except TemplateRefusedError as error:
                    log.warning("template_refused", template=str(template.key), error=str(error))
        self._compiled = compiled

    def text_of(
        self, notification: Notification, at: datetime, *, has_console: bool = False
    ) -> MessageText | None:
        """Write the message by the template for it; None: the shipped one is to be used.

        `at` is in the zone of the reader.
        """
        medium = notification.medium
        if not self._compiled or medium is None or notification.kind not in ("page", "summary"):
            return None
        content = notification.content
        template = self._find(medium, content.reason, notification.language)
        if template is None:
            return None
        try:
            values = values_of(content, at, has_console=has_console, language=notification.language)
            return _text(template, medium, values)
        except TemplateRefusedError as error:
            self._report(notification, template, error)
            return None

    def take_failure(self, notification_id: NotificationId) -> str | None:
        """Return, once, why the shipped template was used instead of the one that was set."""
        return self._failures.pop(notification_id, None)

    def _find(self, medium: Medium, reason: Reason, language: str) -> _Compiled | None:
        kinds: tuple[TemplateKind, ...] = (reason, ANY)
        keys = (TemplateKey(medium, kind, language) for kind in kinds)
        return next((self._compiled[key] for key in keys if key in self._compiled), None)

    def _report(
        self, notification: Notification, template: _Compiled, error: TemplateRefusedError
    ) -> None:
        name = f"{template.source.key} version {template.source.version}"
        log.warning(
            "template_failed",
            template=name,
            notification_id=notification.notification_id,
            error=str(error),
        )
        self._failures[notification.notification_id] = f"the shipped one, since {name}: {error}"
        while len(self._failures) > _MAX_FAILURES:
            self._failures.popitem(last=False)


def _compile(template: MessageTemplate) -> _Compiled:
    sandbox = Sandbox(template.medium, template.language)
    title, body = template.title or "", template.body or ""
    return _Compiled(template, sandbox.compile(title), sandbox.compile(body))


def _text(template: _Compiled, medium: Medium, values: Mapping[str, object]) -> MessageText:
    limits = limits_of(medium)
    title = one_line(render(template.title, values, limits.title))
    body = render(template.body, values, limits.body)
    if not title or not body:
        raise TemplateRefusedError("It writes nothing.")
    # It was short enough with the longest data; only escaped characters make it longer.
    return MessageText(slack_clipped(title, limits.title), slack_clipped(body, limits.body))
