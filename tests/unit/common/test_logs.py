"""What the logs show, and which lines of libraries are errors."""

import logging

import pytest
import structlog
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    KafkaError,
    NodeNotReadyError,
    TopicAuthorizationFailedError,
)

from common.core import logs
from common.core.logs import RetriedErrors


def record(*arguments: object, name: str = "aiokafka.consumer") -> logging.LogRecord:
    text = "failed: " + ", ".join("%s" for _ in arguments)
    return logging.LogRecord(name, logging.ERROR, __file__, 1, text, arguments, None)


@pytest.mark.parametrize("error", [GroupCoordinatorNotAvailableError(), NodeNotReadyError()])
def test_error_that_is_retried_is_information(error: KafkaError) -> None:
    assert RetriedErrors().level(record("group", error)) == logging.INFO


@pytest.mark.parametrize("argument", [TopicAuthorizationFailedError(), KafkaError(), "timeout", 5])
def test_error_that_nobody_retries_stays_an_error(argument: object) -> None:
    assert RetriedErrors().level(record(argument)) == logging.ERROR
    assert RetriedErrors().level(record()) == logging.ERROR


def test_retried_error_that_goes_on_is_an_error_until_it_has_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter((100, 110, 129, 131, 150, 200, 201))
    monkeypatch.setattr(logs, "monotonic", lambda: next(times))
    retried, failure = RetriedErrors(grace_s=30), record(GroupCoordinatorNotAvailableError())
    levels = [retried.level(failure) for _ in range(6)]
    assert levels == [logging.INFO] * 3 + [logging.ERROR] * 2 + [logging.INFO]
    assert retried.level(record(NodeNotReadyError(), name="aiokafka.producer")) == logging.INFO


@pytest.mark.parametrize("form", ["json", "console"])
def test_traceback_shows_no_values_of_variables(
    form: logs.Format, capfd: pytest.CaptureFixture[str]
) -> None:
    before = structlog.get_config()
    handlers = logging.getLogger().handlers
    try:
        logs.configure(service="intake", level="info", form=form)
        _log_failure("words of a customer".upper())
    finally:
        structlog.configure(**before)
        logging.getLogger().handlers = handlers
    printed = capfd.readouterr().out
    assert "ValueError: invalid literal" in printed
    assert "WORDS OF A CUSTOMER" not in printed


def _log_failure(words: str) -> None:
    try:
        int(words[:0] or "ten")
    except ValueError:
        structlog.get_logger().exception("request_failed")
