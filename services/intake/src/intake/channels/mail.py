"""Mails, however they come: who wrote, in which thread, and what."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import getaddresses
from html.parser import HTMLParser
from typing import Final

from pydantic import Field

from common.contracts.event import CustomerId
from common.core import mime
from common.core.mime import HEADER_ERRORS, read_file_name, read_headers, read_parts
from common.core.text import clean_text
from intake.channels.base import (
    ChannelEvent,
    CustomerMessageAdded,
    ExternalContact,
    ExternalFile,
    FileAdded,
    MalformedBodyError,
    RepresentativeMessageAdded,
)
from intake.channels.event_keys import digest_key, event_key
from intake.channels.fields import read_content_type, read_id, read_mail_date
from intake.channels.multipart import MailFile
from intake.channels.options import MappingOptions, by_tag, read_labels
from intake.domain.addresses import StatedAddress
from intake.domain.automatic_mail import is_automatic
from intake.domain.customers import CustomerStatement
from intake.domain.model import Moment

_MESSAGE_ID: Final = re.compile(r"<[^<>\s]{1,250}>")
_PRIORITIES: Final = {"1": "urgent", "2": "high", "3": "normal", "4": "low", "5": "low"}
# Python's parser of HTML takes minutes for many that have no end.
_UNFINISHED_TAG: Final = re.compile(r"<(?=[a-zA-Z/][^<>]*(?:<|\Z))")
_DECLARATION: Final = re.compile("<[!?][^>]*>?")
# The parser's time for a page grows faster than its length. A message keeps 100,000 characters.
_MAX_PAGE_CHARACTERS: Final = 500_000
_MAX_HEAD_CHARACTERS: Final = 250_000
# Only the first address is read.
_MAX_ADDRESS_CHARACTERS: Final = 1000
# Their time grows with the square of the length, and no mail is written in them.
_SLOW_CHARSETS: Final = frozenset({"idna", "punycode"})
_MAX_FILES: Final = 50
_SKIPPED_TAGS: Final = frozenset({"head", "script", "style", "title"})
_BLOCK_TAGS: Final = frozenset({"br", "div", "li", "p", "table", "tr", "h1", "h2", "h3"})


class MailOptions(MappingOptions):
    """How a connection reads mails: a tag is an address, as `to=billing@example.com`."""

    own_addresses: tuple[str, ...] = Field(
        (),
        description="Your addresses, or domains as `@example.com`: a mail from one of them is a "
        "reply of a representative.",
        examples=[["support@example.com", "@agents.example.com"]],
    )


@dataclass(frozen=True, slots=True)
class Mail:
    """`headers` are the first of each name, in lower case."""

    headers: Mapping[str, str]
    text: str
    files: tuple[MailFile, ...] = ()
    subject: str = ""
    sender: str = ""
    receivers: tuple[str, ...] = ()

    @property
    def message_id(self) -> str:
        ids = _MESSAGE_ID.findall(self.headers.get("message-id", ""))
        if ids:
            return event_key(ids[0])
        content = repr((self.sender, self.subject, self.headers.get("date"), self.text))
        return digest_key(content.encode())

    @property
    def thread(self) -> str:
        """The id of the mail that began the thread, as far as this one knows it."""
        for name in ("references", "in-reply-to"):
            if ids := _MESSAGE_ID.findall(self.headers.get(name, "")):
                return event_key(ids[0])
        return self.message_id

    @property
    def sent_at(self) -> datetime | None:
        return read_mail_date(self.headers.get("date"))


def mail_events(
    mail: Mail, options: MailOptions, event_id: str, moment: Moment | None
) -> list[ChannelEvent]:
    """Return the message that the mail is in its thread, and its files.

    Raises MalformedBodyError.
    """
    message = _message_event(mail, options, event_id, moment)
    files = (
        FileAdded(
            event_key(event_id, f"file-{number}"),
            "file",
            message.contact,
            mail.message_id,
            ExternalFile(
                str(number),
                file.name,
                content_type=read_content_type(file.content_type),
                size_bytes=file.size_bytes,
            ),
            moment=moment,
        )
        for number, file in enumerate(mail.files[:_MAX_FILES])
    )
    return [message, *files]


def _is_bot(sender: str, options: MailOptions) -> bool:
    return any(sender.casefold() == bot.strip().casefold() for bot in options.bots)


def _message_event(
    mail: Mail, options: MailOptions, event_id: str, moment: Moment | None
) -> CustomerMessageAdded | RepresentativeMessageAdded:
    name, sender = _address(mail.sender)
    if not sender:
        raise MalformedBodyError("The mail has no sender.", "fields-missing", fields="From")
    is_ours = _is_own(sender, options)
    receivers = [address for each in mail.receivers if (address := _address(each)[1])]
    others = [address for address in receivers if not _is_own(address, options)]
    customer = next(iter(others), sender) if is_ours else sender
    automatic = is_automatic(mail.headers) or _is_bot(sender, options)
    tags = [*(f"to={address}" for address in receivers), f"from={sender}"]
    contact = _contact(
        mail,
        customer,
        "" if is_ours else name,
        tags,
        options,
        automatic=automatic,
        is_sender=not is_ours,
    )
    about = (event_id, "mail", contact)
    if is_ours:
        return RepresentativeMessageAdded(
            *about, mail.text, sender, automatic, message_ref=mail.message_id, moment=moment
        )
    return CustomerMessageAdded(
        *about, mail.text, automatic=automatic, message_ref=mail.message_id, moment=moment
    )


def _contact(
    mail: Mail,
    customer: str,
    name: str,
    tags: list[str],
    options: MailOptions,
    *,
    automatic: bool,
    is_sender: bool,
) -> ExternalContact:
    stated = _PRIORITIES.get(mail.headers.get("x-priority", "").strip()[:1])
    language = mail.headers.get("content-language", "").partition(",")[0].strip()
    return ExternalContact(
        ref=mail.thread,
        channel="email",
        customer=CustomerStatement(
            CustomerId(customer),
            name=name or None,
            tier=by_tag(tags, options.tier_by_tag),
            # Anybody may write any sender: it counts if the mail service refuses forged ones.
            stated_addresses=(StatedAddress("email", customer, verified=is_sender),),
        ),
        subject=mail.subject or "A mail without a subject",
        **read_labels(tags, options, priority=stated, language=language),
        # A machine that begins a thread asks for nothing; a person's answer opens it.
        state="resolved" if automatic else "open",
    )


def read_raw_mail(content: bytes) -> Mail:
    """Read a mail as it travels; what is wrong with a part of it does not lose the rest."""
    message = _parse_message(content)
    named = [(part, read_file_name(part)) for part in read_parts(message)]
    texts = [(part, mime.read_content_type(part)) for part, name in named if not name]
    plain = next((part for part, kind in texts if kind == "text/plain"), None)
    html = next((part for part, kind in texts if kind == "text/html"), None)
    text = _part_text(plain) if plain is not None else ""
    if not text.strip() and html is not None:
        text = html_text(_part_text(html))
    headers = read_headers(message)
    return Mail(
        headers,
        clean_text(text),
        tuple(_file(part, name) for part, name in named if name),
        subject=headers.get("subject", ""),
        sender=headers.get("from", ""),
        receivers=tuple(headers[name] for name in ("to", "cc") if headers.get(name)),
    )


def _parse_message(content: bytes) -> EmailMessage:
    try:
        return mime.parse_message(content)
    except mime.UnreadableMessageError as error:
        raise MalformedBodyError(str(error), error.code) from error


def parse_headers(text: str) -> Mapping[str, str]:
    """Return the first header of each name, from the lines of a mail's head."""
    return read_headers(_parse_message(text[:_MAX_HEAD_CHARACTERS].encode()))


def decode_text(content: bytes, charset: str | None) -> str:
    """Decode what a mail program wrote; many state a charset that it is not."""
    for name in (charset, "utf-8"):
        try:
            # It has other names too, as `punycode-`.
            if codecs.lookup(name or "utf-8").name not in _SLOW_CHARSETS:
                return content.decode(name or "utf-8")
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace")


def html_text(content: str) -> str:
    reader = _TextReader()
    without_declarations = _DECLARATION.sub("", _without_comments(content[:_MAX_PAGE_CHARACTERS]))
    reader.feed(_UNFINISHED_TAG.sub("&lt;", without_declarations))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).splitlines())
    return "\n".join(line for line in lines if line)


def _without_comments(content: str) -> str:
    """As browsers do, take all for the comment if it has no end."""
    before, *comments = content.split("<!--")
    return before + "".join(comment.partition("-->")[2] for comment in comments)


class _TextReader(HTMLParser):
    """Collects the words that a reader of the page would see."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._skipped = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED_TAGS:
            self._skipped += 1
        elif tag in _BLOCK_TAGS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED_TAGS:
            self._skipped = max(0, self._skipped - 1)
        elif tag in _BLOCK_TAGS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.parts.append(data)


def _file(part: EmailMessage, name: str) -> MailFile:
    try:
        content = part.get_payload(decode=True)
    except HEADER_ERRORS:
        content = None
    size = len(content) if isinstance(content, bytes) else 0
    return MailFile(name, mime.read_content_type(part), size)


def _part_text(part: EmailMessage) -> str:
    try:
        content, charset = part.get_payload(decode=True), part.get_content_charset()
    except HEADER_ERRORS as error:
        raise MalformedBodyError(
            "The text of the mail can't be read.", "text-unreadable"
        ) from error
    return decode_text(content, charset) if isinstance(content, bytes) else ""


def _address(text: str) -> tuple[str, str]:
    """Return name and address of the first one in a header."""
    try:
        pairs = getaddresses([text[:_MAX_ADDRESS_CHARACTERS]])
    except HEADER_ERRORS:
        pairs = []
    name, address = next(iter(pairs), ("", ""))
    return name, read_id(address) or ""


def _is_own(address: str, options: MailOptions) -> bool:
    lowered = address.lower()
    domain = f"@{lowered.rpartition('@')[2]}"
    return any(own.strip().lower() in (lowered, domain) for own in options.own_addresses)
