"""One trace follows a contact: taken up where it is well formed, begun where it is not."""

import re

import pytest

from common.core import trace

PARENT = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
FORM = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01")


@pytest.fixture(autouse=True)
def _untraced() -> None:
    trace.restore(None)


def test_valid_traceparent_is_continued() -> None:
    assert trace.start(PARENT) == trace.current() == PARENT


@pytest.mark.parametrize(
    "parent", [None, "", "nonsense", PARENT.upper(), PARENT + "0", PARENT + "\n", "01" + PARENT[2:]]
)
def test_invalid_traceparent_starts_a_new_trace(parent: str | None) -> None:
    begun = trace.start(parent)
    assert FORM.fullmatch(begun)
    assert begun == trace.current() != parent
    assert trace.start(parent) != begun


def test_message_without_traceparent_has_no_trace() -> None:
    trace.start(PARENT)
    trace.restore(None)
    assert trace.current() is None


@pytest.mark.parametrize("parent", [PARENT, None])
def test_trace_is_stored_as_bytes(parent: str | None) -> None:
    trace.restore(parent)
    assert trace.from_bytes(trace.current_bytes()) == parent


@pytest.mark.parametrize("stored", [b"", b"nonsense", 100 * b"x"])
def test_malformed_stored_trace_is_none(stored: bytes) -> None:
    assert trace.from_bytes(stored) is None
