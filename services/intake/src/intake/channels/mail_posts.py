"""The forms in which SendGrid and Mailgun post a mail."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from common.core.text import clean_text
from intake.channels.base import MalformedBodyError, WebhookRequest
from intake.channels.fields import form_fields, load_json, read_object
from intake.channels.mail import Mail, decode_text, html_text, parse_headers
from intake.channels.multipart import MailFile, read_multipart

_MAX_LISTED_CHARACTERS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Post:
    """The fields of a form, and what is known of the files that came with it."""

    fields: Mapping[str, bytes]
    files: tuple[MailFile, ...] = ()

    def text(self, *names: str) -> str:
        """Return the first of these fields that is not empty, in any case of its name."""
        for name in names:
            if content := self.fields.get(name.lower()):
                return clean_text(decode_text(content, self._charsets().get(name.lower())))
        return ""

    def _charsets(self) -> Mapping[str, str]:
        """SendGrid says of each field which charset it has."""
        try:
            charsets = read_object(load_json(self.fields.get("charsets", b"{}")))
        except MalformedBodyError:
            return {}
        return {
            name.lower(): charset for name, charset in charsets.items() if isinstance(charset, str)
        }


def read_post(request: WebhookRequest) -> Post:
    """Read a form, with files or without; raises MalformedBodyError."""
    if request.media_type == "multipart/form-data":
        parts, files = read_multipart(request.headers.get("content-type", ""), request.body)
        return Post(parts, tuple(files))
    fields = form_fields(request.body)
    return Post({name.lower(): value.encode() for name, value in reversed(fields)})


def mail_of(post: Post) -> Mail:
    """Return the mail of a form whose fields are named as in SendGrid or in Mailgun."""
    headers = _headers(post)
    return Mail(
        headers,
        post.text("text", "body-plain") or html_text(post.text("html", "body-html")),
        post.files,
        subject=post.text("subject") or headers.get("subject", ""),
        sender=post.text("from") or headers.get("from", "") or post.text("sender"),
        receivers=tuple(filter(None, (post.text("to", "recipient"), post.text("cc")))),
    )


def _headers(post: Post) -> Mapping[str, str]:
    if listed := post.text("message-headers"):
        if len(listed) > _MAX_LISTED_CHARACTERS:
            raise MalformedBodyError("The mail has too many headers.", "too-large")
        return {name.lower(): value for name, value in _pairs(load_json(listed))}
    headers = dict(parse_headers(post.text("headers")))
    for name in ("message-id", "in-reply-to", "references", "date"):
        if value := post.text(name):
            headers.setdefault(name, value)
    return headers


def _pairs(content: Any) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a list of lists, the last ones first."""
    for pair in reversed(content if isinstance(content, list) else []):
        match pair:
            case [str(name), str(value)]:
                yield name, value
            case _:
                pass
