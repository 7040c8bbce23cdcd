"""The table of bad input: what may be wrong with a delivery, for each kind of channel.

A kind and a case are checked, or the table says why they can't be; `test_bad_input.py` holds that.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from intake.channels.imap import Imap
from integration.intake.channel_samples import Sample

CASES: Final = (
    *("replayed", "reordered", "truncated", "latin-1", "BOM", "surrogates", "NUL", "empty"),
    *("10 MB", "wrong media type", "unsigned", "wrongly signed", "stale"),
    *("right signature over another writing of the body", "entity bomb"),
)

_NO_TIME: Final = "It shows a secret, which is of no time."
_NO_SIGNATURE: Final = "Its proof is a secret, whatever the body."
_FETCHED: Final = "Intake fetches the mail: no request comes."
NOT_APPLICABLE: Final[Mapping[tuple[str, str], str]] = {
    ("salesforce", "stale"): _NO_TIME,
    ("dynamics", "stale"): _NO_TIME,
    ("sendgrid", "stale"): _NO_TIME,
    ("twilio", "stale"): "Twilio signs no time: a repeat is known by its content.",
    ("salesforce", "right signature over another writing of the body"): _NO_SIGNATURE,
    ("dynamics", "right signature over another writing of the body"): _NO_SIGNATURE,
    ("sendgrid", "right signature over another writing of the body"): _NO_SIGNATURE,
    ("imap", "wrong media type"): _FETCHED,
    ("imap", "stale"): _FETCHED,
    ("imap", "right signature over another writing of the body"): _FETCHED,
}

_BOMB: Final = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "MARK"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    b"<a>&c;</a>"
)


class Damage(NamedTuple):
    """What becomes of a body, and the case of the table that it is of, if any."""

    apply: Callable[[bytes], bytes]
    case: str | None = None


def _replace_mark(text: bytes) -> Callable[[bytes], bytes]:
    return lambda body: body.replace(b"MARK", text)


DAMAGES: Final[Mapping[str, Damage]] = {
    "truncated": Damage(lambda body: body[: len(body) * 2 // 3], "truncated"),
    "truncated early": Damage(lambda body: body[:40], "truncated"),
    "truncated at its last byte": Damage(lambda body: body[:-1], "truncated"),
    "latin-1": Damage(_replace_mark(b"M\xfcrz"), "latin-1"),
    "BOM": Damage(lambda body: b"\xef\xbb\xbf" + body, "BOM"),
    "escaped surrogate": Damage(_replace_mark(b"\\ud83d"), "surrogates"),
    "encoded surrogate": Damage(_replace_mark(b"\xed\xa0\xbd"), "surrogates"),
    "referenced surrogate": Damage(_replace_mark(b"&#0;&#xD800;"), "surrogates"),
    "percent-encoded surrogate": Damage(_replace_mark(b"%00%ED%A0%80"), "surrogates"),
    "NUL": Damage(_replace_mark(b"\x00"), "NUL"),
    "escaped NUL": Damage(_replace_mark(b"\\u0000"), "NUL"),
    "empty": Damage(lambda _: b"", "empty"),
    "entity bomb": Damage(lambda _: _BOMB, "entity bomb"),
    "entity bomb in a text": Damage(_replace_mark(_BOMB), "entity bomb"),
    "nested": Damage(lambda _: b"[" * 5_000),
    "nested and closed": Damage(lambda _: b"[" * 900 + b"]" * 900),
    "nested XML": Damage(lambda _: b"<a>" * 20_000 + b"</a>" * 20_000),
    "null": Damage(lambda _: b"null"),
    "number": Damage(lambda _: b"1e400"),
    "text": Damage(lambda _: b'"MARK"'),
    "bytes": Damage(lambda _: bytes(range(256))),
    "UTF-16": Damage(lambda body: body.decode().encode("utf-16")),
    "line breaks": Damage(_replace_mark(b"\r\n\r\n--\r\n")),
}
# What is no damage of the bytes.
OTHER_CASES: Final = tuple(
    case for case in CASES if case not in {damage.case for damage in DAMAGES.values()}
)
MAILBOX_KIND: Final = Imap.kind


def applies(sample: Sample, case: str) -> bool:
    """Return whether a sample of the kind can show the case; some kinds prove themselves by ways
    of which one has no time or covers no body.
    """
    if (sample.kind, case) in NOT_APPLICABLE:
        return False
    match case:
        case "stale":
            return sample.has_time
        case "right signature over another writing of the body":
            # Mailgun signs a token: another mail with it is no other mail.
            return sample.covers_body or sample.kind == "mailgun"
        case _:
            return True


def cells(samples: Sequence[Sample]) -> list[tuple[str, Sample]]:
    """Return the cases that are no damages, for each sample that can show them.

    The order of deliveries is of the kind, and not of each way in which it posts.
    """
    first_of_kinds = {sample.kind: sample for sample in reversed(samples)}.values()
    return [
        (case, sample)
        for case in OTHER_CASES
        for sample in (first_of_kinds if case == "reordered" else samples)
        if applies(sample, case)
    ]
