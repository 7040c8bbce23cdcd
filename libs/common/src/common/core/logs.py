"""Structured logs on standard output: one line for the outcome of each message, with its ids."""

import logging
import sys
from typing import Literal

import orjson
import structlog
from aiokafka.errors import KafkaError

from common.core import trace
from common.core.clock import monotonic

Format = Literal["json", "console"]

# The default would print the values of variables too: keys, and what customers wrote.
CONSOLE = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)


def configure(*, service: str, level: str, form: Format) -> None:
    """Set up logging for the process; libraries' warnings come in the same form."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace_id,
    ]
    render: list[structlog.types.Processor]
    if form == "json":
        render = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(lambda value, **_: orjson.dumps(value, default=str)),
        ]
        factory: structlog.types.WrappedLogger = structlog.BytesLoggerFactory(sys.stdout.buffer)
    else:
        render = [CONSOLE]
        factory = structlog.PrintLoggerFactory()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(handlers=[_LibraryLogHandler()], level=logging.WARNING, force=True)


def to_stderr() -> None:
    """Send a command's warnings to standard error; standard output is for its result."""
    structlog.configure(
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        cache_logger_on_first_use=False,
    )


def _add_trace_id(
    _logger: structlog.types.WrappedLogger, _name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    traceparent = trace.current()
    if traceparent is not None:
        event["trace_id"] = traceparent[3:35]
    return event


class RetriedErrors:
    """Lowers what aiokafka reports as errors, and tries again by itself, to information.

    For example a new group has no coordinator for a second. What goes on for longer than a start
    takes is an error; a client that cannot do its work is also in `/readyz`.
    """

    def __init__(self, grace_s: float = 30) -> None:
        self._grace_s = grace_s
        # By logger: when the latest such errors in a row began, and the last of them.
        self._rows: dict[str, tuple[float, float]] = {}

    def level(self, record: logging.LogRecord) -> int:
        """Return the level at which to log the record."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        if not any(isinstance(each, KafkaError) and each.retriable for each in arguments):
            return record.levelno
        now = monotonic()
        began_at, last_at = self._rows.get(record.name, (now, now))
        if now - last_at > self._grace_s:
            began_at = now
        self._rows[record.name] = began_at, now
        return record.levelno if now - began_at > self._grace_s else logging.INFO


class _LibraryLogHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self._retried = RetriedErrors()

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            self._retried.level(record),
            "library_log",
            logger=record.name,
            message=record.getMessage(),
            exc_info=record.exc_info,
        )
