"""Structured logs on standard output: one line for the outcome of each message, with its ids."""

import logging
import sys
from typing import Literal

import orjson
import structlog

from common.core import trace

Format = Literal["json", "console"]


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
        render = [structlog.dev.ConsoleRenderer()]
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


class _LibraryLogHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno,
            "library_log",
            logger=record.name,
            message=record.getMessage(),
            exc_info=record.exc_info,
        )
