import pytest

from notifier.domain.sms_segments import count_segments, fit, plain

# Two units of UCS-2.
SMILEY = "\U0001f600"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("a" * 459, 3),
        ("a" * 460, 4),
        # Characters that GSM-7 has beside ASCII.
        ("£ñäöüßÉΩ" * 20, 1),
        # Each is sent as two.
        ("€" * 80, 1),
        ("€" * 80 + "a", 2),
        ("€" * 153, 3),
        # No character is cut in two: 152 units, then an escape that begins the next segment.
        ("a" * 152 + "€" + "a" * 151, 2),
        ("a" * 152 + "€" + "a" * 152, 3),
        # One character that GSM-7 has not, and all are UCS-2.
        ("á" * 70, 1),
        ("á" + "a" * 70, 2),
        ("á" * 134, 2),
        ("á" * 135, 3),
        ("á" * 201, 3),
        ("`", 1),
        (SMILEY * 35, 1),
        (SMILEY * 36, 2),
        ("á" * 66 + SMILEY + "á" * 65, 2),
        ("á" * 66 + SMILEY + "á" * 66, 3),
    ],
)
def test_segments_are_counted_as_networks_send_them(text: str, segments: int) -> None:
    assert count_segments(text) == segments


@pytest.mark.parametrize(
    ("text", "segments", "rest", "length"),
    [
        ("a" * 306, 2, "", 306),
        ("a" * 307, 2, "", 306),
        ("á" * 200, 2, "", 134),
        ("a" * 400, 2, "b" * 100, 206),
        # The rest alone makes it UCS-2.
        ("a" * 400, 2, "á" * 34, 100),
        ("a" * 10, 2, "b" * 306, 0),
        (SMILEY * 100, 1, "", 36),
    ],
)
def test_text_is_cut_to_what_fits(text: str, segments: int, rest: str, length: int) -> None:
    kept = fit(text, segments, rest)
    assert len(kept) == length
    assert kept == text or not kept or kept.endswith("...")
    assert not kept or count_segments(kept + rest) <= segments


def test_quotation_marks_need_no_longer_encoding() -> None:
    written = plain("“Ada”\u2019s contact \u2013 12\u00a0min… · «late»")
    assert written == '"Ada"\'s contact - 12 min... - "late"'
    assert count_segments(written.ljust(160)) == 1
