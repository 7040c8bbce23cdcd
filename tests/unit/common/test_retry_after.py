from datetime import timedelta

import pytest

from common.http.retry_after import LONGEST_WAIT, retry_after
from unit.notifier.examples import AT


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("7", timedelta(seconds=7)),
        (" 7 ", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("1.5", timedelta(seconds=1.5)),
        ("Mon, 02 Mar 2026 14:00:30 GMT", timedelta(seconds=30)),
        ("Monday, 02-Mar-26 14:00:30 GMT", timedelta(seconds=30)),
        ("Mon Mar  2 14:00:30 2026", timedelta(seconds=30)),
        ("Mon, 02 Mar 2026 13:00:00 GMT", timedelta(0)),
        ("-3", timedelta(0)),
        ("-inf", timedelta(0)),
        ("1e9", LONGEST_WAIT),
        ("inf", LONGEST_WAIT),
        ("9" * 400, LONGEST_WAIT),
        ("Fri, 02 Mar 2126 14:00:30 GMT", LONGEST_WAIT),
        ("nan", None),
        ("soon", None),
        ("Mon, 99 Mar 2026 14:00:30 GMT", None),
        (f"Mon, {'9' * 30} Mar 2026 14:00:30 GMT", None),
        (f"Mon, 02 Mar 2026 14:00:30 +{'9' * 30}", None),
        ("", None),
        (None, None),
    ],
)
def test_every_form_of_the_header_is_understood(value: str | None, wait: timedelta | None) -> None:
    assert retry_after(value, AT) == wait
