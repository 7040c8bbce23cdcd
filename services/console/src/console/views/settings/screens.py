"""The screens of settings: the kinds, the list of one, one setting, its versions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views.floor import queue_name
from console.views.problem_texts import problem_text
from console.views.reader import Reader
from console.views.settings.differences import Change, Comparison
from console.views.settings.entries import entries_of
from console.views.settings.kinds import OPEN_CONTACTS, Kind, Related, Setting
from console.views.settings.problem_words import TITLES, problem_sentence, warning_text
from console.views.settings.registry import KIND_BY_PATH, KINDS
from console.views.settings.values import Choices
from console.views.simulation_form import try_url

_SUMMARY_SENTENCES: Final = 3
_SYSTEMS: Final = (
    ("connections", mark("Connections"), mark("Outside systems that send contacts.")),
    (
        "status-webhooks",
        mark("Status webhooks"),
        mark("Systems that are told what becomes of their contacts."),
    ),
    ("write-backs", mark("Write-backs"), mark("What Upstairs writes to the cases of a system.")),
)
# Leaders see the maintenance too; managers set it.
_MESSAGES: Final = (
    (
        "message-templates",
        mark("Message templates"),
        mark("What messages say to colleagues, by medium, reason and language."),
    ),
    ("maintenance", mark("Maintenance"), mark("What nobody is paged about for a time.")),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """`is_own_text`: `detail` is the service's own sentence, in English."""

    title: str
    detail: str
    is_own_text: bool
    url: str | None
    name: str


@dataclass(frozen=True, slots=True)
class KindCard:
    title: str
    purpose: str
    url: str


@dataclass(frozen=True, slots=True)
class OverviewView:
    """`systems` are the outside systems, for who may see them; `messages` is about pages."""

    problems: tuple[Problem, ...]
    kinds: tuple[KindCard, ...]
    systems: tuple[KindCard, ...]
    messages: tuple[KindCard, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettingCard:
    title: str
    url: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListView:
    title: str
    purpose: str
    search: str
    url: str
    new_url: str | None
    settings: tuple[SettingCard, ...]
    archived: tuple[SettingCard, ...]


@dataclass(frozen=True, slots=True)
class SettingView:
    """`edit_url`, `archive_url` and `try_url` are None where that can't be done."""

    kind: Kind
    setting_id: str
    kind_title: str
    list_url: str
    url: str
    title: str
    version: int | None
    is_archived: bool
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    edit_url: str | None
    edit_label: str
    archive_url: str | None
    versions_url: str | None
    try_url: str | None


@dataclass(frozen=True, slots=True)
class VersionRow:
    version: int
    put_at: str
    by: str
    is_archived: bool
    is_newest: bool
    use_url: str | None


@dataclass(frozen=True, slots=True)
class VersionsView:
    """`changes` are those from version `first` to version `second`."""

    title: str
    back_url: str
    url: str
    rows: tuple[VersionRow, ...]
    first: int | None
    second: int | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ArchiveView:
    title: str
    url: str
    back_url: str
    version: str
    choices: tuple[tuple[str, str], ...]
    problem: str | None
    users: tuple[tuple[str, str | None], ...]


def overview_view(
    problems: Iterable[Mapping[str, Any]], missing: Sequence[str], reader: Reader
) -> OverviewView:
    gettext = reader.texts.gettext
    return OverviewView(
        problems=tuple(_problem(problem, reader) for problem in problems),
        kinds=tuple(
            KindCard(gettext(kind.title), gettext(kind.purpose), kind.url) for kind in KINDS
        ),
        systems=_cards_of(_SYSTEMS if reader.may_decide_all else (), reader),
        messages=_cards_of(_MESSAGES if reader.may_decide_all else _MESSAGES[1:], reader),
        missing=tuple(missing),
    )


def _cards_of(screens: Iterable[tuple[str, str, str]], reader: Reader) -> tuple[KindCard, ...]:
    gettext = reader.texts.gettext
    return tuple(
        KindCard(gettext(title), gettext(purpose), f"/settings/{slug}")
        for slug, title, purpose in screens
    )


def _problem(problem: Mapping[str, Any], reader: Reader) -> Problem:
    gettext = reader.texts.gettext
    kind, setting_id = KIND_BY_PATH.get(problem["kind"]), problem["setting_id"]
    name = kind.title_of(setting_id, reader) if kind and setting_id else setting_id
    if problem["kind"] == "queues":
        name = queue_name(setting_id, reader)
    title = TITLES.get(problem["code"], problem["code"])
    url = kind.url_of(setting_id) if kind and setting_id else None
    sentence = problem_sentence(problem, reader)
    detail = problem["detail"] if sentence is None else sentence
    return Problem(gettext(title), detail, sentence is None, url, name)


def list_view(
    kind: Kind,
    settings: Sequence[Setting],
    archived: Sequence[Setting],
    search: str,
    reader: Reader,
) -> ListView:
    """Show what has the words of the search in its name or its sentences."""
    gettext = reader.texts.gettext
    return ListView(
        title=gettext(kind.title),
        purpose=gettext(kind.purpose),
        search=search,
        url=kind.url,
        new_url=f"/settings/new/{kind.slug}"
        if reader.may_decide_all and kind.is_open_to_new
        else None,
        settings=_cards(kind, settings, search, reader),
        archived=_cards(kind, archived, search, reader),
    )


def _cards(
    kind: Kind, settings: Sequence[Setting], search: str, reader: Reader
) -> tuple[SettingCard, ...]:
    cards = [
        SettingCard(
            _title(kind, setting, reader),
            kind.url_of(setting.setting_id),
            tuple(kind.describe(setting.body, reader, {})),
        )
        for setting in settings
    ]
    words = search.casefold().split()
    return tuple(
        SettingCard(card.title, card.url, card.sentences[:_SUMMARY_SENTENCES])
        for card in sorted(cards, key=lambda card: card.title.casefold())
        if _has_words(card, words)
    )


def _title(kind: Kind, setting: Setting, reader: Reader) -> str:
    """Return the name; that of a person may be newer than the one that others know."""
    name: str | None = setting.body.get("name")
    return name or kind.title_of(setting.setting_id, reader)


def _has_words(card: SettingCard, words: Sequence[str]) -> bool:
    text = " ".join((card.title, card.url, *card.sentences)).casefold()
    return all(word in text for word in words)


def setting_view(
    kind: Kind,
    setting: Setting,
    related: Related,
    reader: Reader,
) -> SettingView:
    gettext, url = reader.texts.gettext, kind.url_of(setting.setting_id)
    may_change = reader.may_decide_all
    return SettingView(
        kind=kind,
        setting_id=setting.setting_id,
        kind_title=gettext(kind.title),
        list_url=kind.url,
        url=url,
        title=_title(kind, setting, reader),
        version=setting.version,
        is_archived=setting.is_archived,
        sentences=tuple(kind.describe(setting.body, reader, related)),
        warnings=tuple(warning_text(warning, reader) for warning in setting.warnings),
        edit_url=f"{url}/edit" if may_change else None,
        edit_label=gettext("Bring back…") if setting.is_archived else gettext("Change…"),
        archive_url=f"{url}/archive"
        if may_change and kind.archive_choices and not setting.is_archived
        else None,
        versions_url=f"{url}/versions" if kind.has_versions else None,
        try_url=try_url(setting.setting_id)
        if may_change and kind.slug == "policies" and not setting.is_archived
        else None,
    )


def versions_view(
    kind: Kind,
    setting_id: str,
    versions: Sequence[Mapping[str, Any]],
    pair: tuple[int | None, int | None],
    reader: Reader,
) -> VersionsView:
    """Compare the pair of versions; where it does not say, the newest with the one before."""
    numbers = [version["version"] for version in versions]
    first, second = (number if number in numbers else None for number in pair)
    if first is None and second is None and len(numbers) > 1:
        first, second = numbers[1], numbers[0]
    return VersionsView(
        title=kind.title_of(setting_id, reader),
        back_url=kind.url_of(setting_id),
        url=f"{kind.url_of(setting_id)}/versions",
        rows=tuple(
            _version_row(kind, setting_id, version, numbers, reader) for version in versions
        ),
        first=first,
        second=second,
        changes=_changes_between(kind, versions, first, second, reader),
    )


def _version_row(
    kind: Kind,
    setting_id: str,
    version: Mapping[str, Any],
    numbers: Sequence[int],
    reader: Reader,
) -> VersionRow:
    number, is_newest = version["version"], version["version"] == numbers[0]
    may_use = reader.may_decide_all and not is_newest
    return VersionRow(
        version=number,
        put_at=reader.full_time(version["put_at"]),
        by=reader.name(version["put_by"]),
        is_archived=version.get("archived", False),
        is_newest=is_newest,
        use_url=f"{kind.url_of(setting_id)}/edit?version={number}" if may_use else None,
    )


def _changes_between(
    kind: Kind,
    versions: Sequence[Mapping[str, Any]],
    first: int | None,
    second: int | None,
    reader: Reader,
) -> tuple[Change, ...]:
    bodies = {version["version"]: version["body"] for version in versions}
    if first is None or second is None:
        return ()
    before = entries_of(kind.nodes, bodies[first], reader.texts)
    after = entries_of(kind.nodes, bodies[second], reader.texts)
    return tuple(Comparison(Choices(reader)).compare(kind.nodes, before, after))


def archive_view(
    kind: Kind,
    setting_id: str,
    version: str,
    refusal: Mapping[str, Any] | None,
    reader: Reader,
) -> ArchiveView:
    """`refusal` is the service's problem document, if it has refused."""
    gettext = reader.texts.gettext
    users = [_user(place, reader) for place in (refusal or {}).get("used_by", ())]
    count = (refusal or {}).get("open_contacts", 0)
    return ArchiveView(
        title=gettext("Archive %(name)s", name=kind.title_of(setting_id, reader)),
        url=f"{kind.url_of(setting_id)}/archive",
        back_url=kind.url_of(setting_id),
        version=version,
        choices=tuple((name, gettext(OPEN_CONTACTS[name])) for name in kind.archive_choices),
        problem=_refusal_text(refusal, count, reader) if refusal else None,
        users=tuple(users),
    )


def _refusal_text(refusal: Mapping[str, Any], count: int, reader: Reader) -> str:
    if refusal.get("used_by"):
        return reader.texts.gettext("Other settings name it. Change them first:")
    if count:
        return reader.texts.ngettext(
            "%(number)s open contact depends on it. Choose what becomes of it.",
            "%(number)s open contacts depend on it. Choose what becomes of them.",
            count,
        )
    return problem_text(refusal, reader)


def _user(place: str, reader: Reader) -> tuple[str, str | None]:
    """Read `sla-policies/gold: ladder_id` as the name of that setting, and where it is shown."""
    path, _, rest = place.partition("/")
    kind, setting_id = KIND_BY_PATH.get(path), rest.partition(":")[0]
    if kind is None or not setting_id:
        return place, None
    name = f"{reader.texts.gettext(kind.singular)} {kind.title_of(setting_id, reader)}"
    return name, kind.url_of(setting_id)
