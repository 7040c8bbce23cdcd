"""The screens of connections: the list, and one of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from console.texts import mark
from console.views.fields import Option, options_of
from console.views.reader import Reader, parse_time
from console.views.settings.kinds import Kind
from console.views.settings.nodes import Group
from console.views.systems.connection_kinds import EXPECTED, GUIDES, LIST, TITLES
from console.views.systems.options import (
    Button,
    Chip,
    Value,
    age_text,
    chip_of,
    pause_or_resume,
    values_of,
)

# The filters of the list.
FILTERS: Final[Mapping[str, str]] = {
    "": mark("active and paused"),
    "active": mark("active"),
    "paused": mark("paused"),
    "silent": mark("silent"),
    "archived": mark("archived"),
}
_STATES: Final[Mapping[str, tuple[str, str]]] = {
    "active": ("calm", mark("active")),
    "paused": ("soon", mark("paused")),
    "archived": ("", mark("archived")),
}
FAILURES: Final[Mapping[str, str]] = {
    "signature-refused": mark("The signature or the secret of a delivery was wrong."),
    "stale-signature": mark("A record was signed too long ago."),
    "delivery-kept": mark("A delivery could not be read. It is kept among the dead letters."),
    "malformed": mark("A record could not be read."),
    "not-applied": mark("A record could not be applied."),
    "connection-paused": mark("A delivery came while the connection was paused."),
    "rate-limited": mark(
        "More deliveries came than the rate limit allows. They have to be sent again."
    ),
    "secret-unavailable": mark("The secret can't be read."),
    "too-many-kept-deliveries": mark("Too many deliveries are kept already."),
    "mailbox-unreadable": mark("The mailbox can't be read."),
    "case-unreadable": mark("A case can't be read in its system."),
    "credentials-refused": mark("The system does not take the credentials."),
    "sign-in-stopped": mark("Upstairs no longer signs in: it was refused several times."),
}
# Who can't sign may have the secret in the address.
_SECRET_IN_ADDRESS: Final = frozenset(("salesforce", "sendgrid", "dynamics"))


@dataclass(frozen=True, slots=True)
class Failure:
    """`detail` is the service's own sentence, in English."""

    text: str
    detail: str
    age: str | None


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    kind: str
    name: str
    url: str
    chips: tuple[Chip, ...]
    last_delivery: str | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class NewKind:
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class ConnectionsView:
    rows: tuple[ConnectionRow, ...]
    states: tuple[Option, ...]
    kinds: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class SecretRow:
    """`place` counts them from 1; `problem` says, in English, why it can't be read."""

    place: int
    source: str
    since: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class AddressView:
    """`url` is whole if the console knows where outside systems reach intake."""

    url: str
    is_whole: bool
    has_secret: bool


@dataclass(frozen=True, slots=True)
class GuideView:
    """`url` is None where nobody says where the guides are published."""

    name: str
    url: str | None


@dataclass(frozen=True, slots=True)
class ConnectionView:
    title: str
    url: str
    kind: str
    version: int
    chips: tuple[Chip, ...]
    silent: str | None
    last_delivery: str | None
    failure: Failure | None
    changed: str
    address: AddressView | None
    guide: GuideView
    app_secret: SecretRow | None
    secrets: tuple[SecretRow, ...]
    options: tuple[Value, ...]
    expected: tuple[Value, ...]
    actions: tuple[Button, ...]


def connections_view(
    items: Iterable[Mapping[str, Any]], state: str, kind: str, reader: Reader
) -> ConnectionsView:
    gettext = reader.texts.gettext
    labels = {name: gettext(label) for name, label in TITLES.items()}
    listed = [item for item in items if state != "silent" or item["silent_since"] is not None]
    return ConnectionsView(
        rows=tuple(_row(item, reader) for item in listed),
        states=options_of(((name, gettext(label)) for name, label in FILTERS.items()), (state,)),
        kinds=options_of((("", gettext("all")), *labels.items()), (kind,)),
    )


def new_kinds(reader: Reader) -> tuple[NewKind, ...]:
    """List the kinds of which a connection can be made."""
    gettext = reader.texts.gettext
    return tuple(
        NewKind(gettext(title), f"/settings/new/{LIST}/{slug}") for slug, title in TITLES.items()
    )


def _row(item: Mapping[str, Any], reader: Reader) -> ConnectionRow:
    kind, name = item["kind"], item["connection"]
    return ConnectionRow(
        kind=reader.texts.gettext(TITLES.get(kind, kind)),
        name=name,
        url=f"/settings/{LIST}/{kind}/{name}",
        chips=_chips(item, reader),
        last_delivery=age_text(parse_time(item["last_delivery_at"]), reader),
        failure=_failure(item["last_failure"], reader),
    )


def _chips(item: Mapping[str, Any], reader: Reader) -> tuple[Chip, ...]:
    gettext = reader.texts.gettext
    chips = [chip_of(_STATES, item["state"], reader)]
    if item["silent_since"] is not None:
        chips.append(Chip("over", gettext("silent")))
    return tuple(chips)


def _failure(failure: Mapping[str, Any] | None, reader: Reader) -> Failure | None:
    if failure is None:
        return None
    text = FAILURES.get(failure["code"])
    return Failure(
        text=failure["code"] if text is None else reader.texts.gettext(text),
        detail=failure["detail"],
        age=age_text(parse_time(failure["at"]), reader),
    )


def connection_view(
    kind: Kind,
    item: Mapping[str, Any],
    public_url: str,
    guides_url: str,
    reader: Reader,
) -> ConnectionView:
    """`public_url` is where outside systems reach intake; empty if nobody says so."""
    gettext, slug, name = reader.texts.gettext, item["kind"], item["connection"]
    url = kind.url_of(name)
    silent_since = parse_time(item["silent_since"])
    (options,) = (node for node in kind.nodes if isinstance(node, Group) and node is not EXPECTED)
    return ConnectionView(
        title=f"{gettext(TITLES[slug])}: {name}",
        url=url,
        kind=slug,
        version=item["version"],
        chips=_chips(item, reader),
        silent=_silence(silent_since, reader),
        last_delivery=age_text(parse_time(item["last_delivery_at"]), reader),
        failure=_failure(item["last_failure"], reader),
        changed=changed_text(item, reader),
        address=None if slug == "imap" else _address(slug, name, public_url),
        guide=_guide(slug, guides_url),
        app_secret=_secret(0, item["app_secret"], reader) if item["app_secret"] else None,
        secrets=tuple(
            _secret(place, secret, reader) for place, secret in enumerate(item["secrets"], 1)
        ),
        options=values_of(options.nodes, item["options"], reader),
        expected=values_of(EXPECTED.nodes, item["expected"] or {}, reader),
        actions=_actions(item["state"], url, reader),
    )


def changed_text(item: Mapping[str, Any], reader: Reader) -> str:
    """Say who changed it last, and when."""
    changed_at = datetime.fromisoformat(item["changed_at"])
    return reader.texts.gettext(
        "%(person)s, %(time)s",
        person=reader.name(item["changed_by"]),
        time=reader.texts.full_time(changed_at),
    )


def _silence(since: datetime | None, reader: Reader) -> str | None:
    if since is None:
        return None
    return reader.texts.gettext(
        "Nothing has come for %(duration)s, and more is expected.",
        duration=reader.duration_since(since),
    )


def _address(slug: str, name: str, public_url: str) -> AddressView:
    path = f"{public_url}/v1/channels/{slug}/{name}"
    return AddressView(path, bool(public_url), slug in _SECRET_IN_ADDRESS)


def _guide(slug: str, guides_url: str) -> GuideView:
    name = GUIDES[slug]
    return GuideView(f"docs/channels/{name}", f"{guides_url}/{name}" if guides_url else None)


def _secret(place: int, secret: Mapping[str, Any], reader: Reader) -> SecretRow:
    gettext = reader.texts.gettext
    if secret["from_env"] is not None:
        source = gettext("from the variable %(name)s of intake", name=secret["from_env"])
    elif secret["from_file"] is not None:
        source = gettext("from the file %(name)s", name=secret["from_file"])
    else:
        source = gettext("stored encrypted")
    since = reader.full_time(secret["since"])
    return SecretRow(place, source, since, secret["problem"])


def _actions(state: str, url: str, reader: Reader) -> tuple[Button, ...]:
    gettext = reader.texts.gettext
    if state == "archived":
        return (Button(gettext("Bring back…"), f"{url}/edit", is_primary=True),)
    return (
        Button(gettext("Change…"), f"{url}/edit", is_primary=state == "active"),
        Button(gettext("Try it…"), f"{url}/try"),
        pause_or_resume(state, url, reader),
        Button(gettext("Archive…"), f"{url}/archive"),
    )
