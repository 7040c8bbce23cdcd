"""The form of a setting as it is shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Final, Literal, assert_never

from console.views.fields import FieldView, Option
from console.views.service_problems import FormProblems
from console.views.settings.differences import Change
from console.views.settings.kinds import OPEN_CONTACTS, Kind, OpenContacts
from console.views.settings.nodes import UNNAMED, Entries, Group, Leaf, Node, Rows, join_path
from console.views.settings.secret_fields import SECRETS, SecretFields
from console.views.settings.values import Choices, Hours, SeveralOf

_MAX_LENGTH: Final = 2000
ID: Final = "setting-id"
OPEN: Final = "open-contacts"


@dataclass(frozen=True, slots=True)
class LeafView:
    field: FieldView
    node: Literal["leaf"] = "leaf"


@dataclass(frozen=True, slots=True)
class GroupView:
    path: str
    legend: str
    hint: str
    problem: str | None
    parts: "tuple[PartView, ...]"
    is_week: bool
    node: Literal["group"] = "group"


@dataclass(frozen=True, slots=True)
class RowView:
    """`title` is its name for buttons: `Promise 2`."""

    path: str
    title: str
    problem: str | None
    parts: "tuple[PartView, ...]"


@dataclass(frozen=True, slots=True)
class RowsView:
    path: str
    legend: str
    hint: str
    problem: str | None
    rows: tuple[RowView, ...]
    add_label: str
    is_ordered: bool
    is_small: bool
    node: Literal["rows"] = "rows"


PartView = LeafView | GroupView | RowsView


@dataclass(frozen=True, slots=True)
class FormState:
    """What a form carries from one showing to the next; `focus` is where the person goes on.

    `version` is the ETag of what the person has read, empty for a new setting. `secrets` are what
    the fields of secrets have; no page shows them.
    """

    entries: Entries
    setting_id: str = ""
    version: str = ""
    open_contacts: OpenContacts = "keep"
    problems: FormProblems = dataclass_field(default_factory=FormProblems)
    focus: str = ""
    status: int = 200
    secrets: Entries = dataclass_field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SettingFormView:
    """`id_field` is there for a new setting only."""

    title: str
    kind_title: str
    url: str
    back_url: str
    version: str
    problem: str | None
    focus: str
    id_field: FieldView | None
    parts: tuple[PartView, ...]
    open_contacts: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class ReviewView:
    """What differs, before it is saved; `fields` are those of the form.

    `secret_parts` are the fields of what is saved and never shown, if it is asked for.
    """

    title: str
    url: str
    version: str
    setting_id: str
    open_contacts: str
    open_contacts_text: str | None
    changes: tuple[Change, ...]
    fields: tuple[tuple[str, str], ...]
    is_new: bool
    secret_parts: tuple[LeafView, ...]
    secret_hint: str
    problem: str | None


def form_view(kind: Kind, state: FormState, choices: Choices, *, is_new: bool) -> SettingFormView:
    gettext = choices.texts.gettext
    builder = _Builder(choices, state.problems)
    return SettingFormView(
        title=form_title(kind, state.setting_id, choices, is_new=is_new),
        kind_title=gettext(kind.title),
        url=form_url(kind, state.setting_id, is_new=is_new),
        back_url=kind.list_url if is_new else kind.url_of(state.setting_id),
        version=state.version,
        problem=state.problems.whole,
        focus=state.focus,
        id_field=_id_field(kind, state, choices) if is_new else None,
        parts=tuple(builder.parts(kind.nodes, state.entries)),
        open_contacts=open_contact_options(("keep", "retarget"), state.open_contacts, choices)
        if kind.asks_for_open_contacts and not is_new
        else (),
    )


def form_url(kind: Kind, setting_id: str, *, is_new: bool) -> str:
    return f"/settings/new/{kind.slug}" if is_new else f"{kind.url_of(setting_id)}/edit"


def form_title(kind: Kind, setting_id: str, choices: Choices, *, is_new: bool) -> str:
    gettext = choices.texts.gettext
    if is_new:
        return gettext("New: %(kind)s", kind=gettext(kind.singular))
    name = kind.title_of(setting_id, choices.reader)
    return gettext("Change %(name)s", name=name)


def open_contact_options(
    names: Sequence[OpenContacts], chosen: str, choices: Choices
) -> tuple[Option, ...]:
    return tuple(
        Option(name, choices.texts.gettext(OPEN_CONTACTS[name]), name == chosen) for name in names
    )


def _id_field(kind: Kind, state: FormState, choices: Choices) -> FieldView:
    gettext = choices.texts.gettext
    labels: list[tuple[str, str]] = []
    if kind.ids:
        labels = [(setting_id, gettext(label)) for setting_id, label in kind.ids.items()]
    elif kind.is_of_person and kind.service != "router":
        labels = sorted(choices.reader.names.items(), key=lambda item: item[1].casefold())
    return FieldView(
        name=ID,
        kind="line",
        label=gettext("Whose") if labels else gettext(kind.id_label),
        hint="" if labels else gettext(kind.id_hint),
        is_required=True,
        value=state.setting_id,
        options=tuple(Option(value, label, value == state.setting_id) for value, label in labels),
        max_length=_MAX_LENGTH,
        problem=state.problems.by_field.get(ID),
    )


@dataclass(frozen=True, slots=True)
class _Builder:
    choices: Choices
    problems: FormProblems

    def parts(
        self, nodes: Sequence[Node], entries: Entries, path: str = "", *, may_be_empty: bool = False
    ) -> Iterator[PartView]:
        """A group that may be empty requires none of its fields."""
        for node in nodes:
            place = join_path(path, node.name)
            match node:
                case Leaf():
                    field = self.leaf(node, entries[node.name], place).field
                    is_required = field.is_required and not may_be_empty
                    yield LeafView(replace(field, is_required=is_required))
                case Group():
                    is_optional = may_be_empty or node.is_optional
                    parts = self.parts(
                        node.nodes, entries[node.name], place, may_be_empty=is_optional
                    )
                    yield GroupView(
                        place,
                        self._text(node.label),
                        self._text(node.hint),
                        self.problems.by_field.get(place),
                        tuple(parts),
                        is_week=_is_week(node),
                    )
                case Rows():
                    yield self._rows(node, entries[node.name], place)
                case _:
                    assert_never(node)

    def _rows(self, rows: Rows, row_entries: Sequence[Entries], path: str) -> RowsView:
        return RowsView(
            path=path,
            legend=self._text(rows.label),
            hint=self._text(rows.hint),
            problem=self.problems.by_field.get(path),
            rows=tuple(self._row(rows, entries, path, n) for n, entries in enumerate(row_entries)),
            add_label=self._text(rows.add_label),
            is_ordered=rows.is_ordered,
            is_small=all(isinstance(node, Leaf) for node in rows.nodes),
        )

    def _row(self, rows: Rows, entries: Entries, path: str, number: int) -> RowView:
        place = join_path(path, number)
        is_whole = rows.nodes[0].name == UNNAMED
        return RowView(
            path=place,
            title=f"{self._text(rows.row_label)} {number + 1}",
            problem=None if is_whole else self.problems.by_field.get(place),
            parts=tuple(self.parts(rows.nodes, entries, place)),
        )

    def leaf(self, leaf: Leaf, text: str, path: str) -> LeafView:
        chosen = text.split() if isinstance(leaf.value, SeveralOf) else [text]
        options = list(leaf.value.options(self.choices))
        if options and not isinstance(leaf.value, SeveralOf):
            options += _unlisted(leaf, text, options, self.choices)
        field = FieldView(
            name=path,
            kind=leaf.value.control,
            label=self._text(leaf.label),
            hint=self._hint(leaf),
            is_required=leaf.is_required and leaf.value.control != "flag",
            value=text,
            options=tuple(Option(value, label, value in chosen) for value, label in options),
            max_length=_MAX_LENGTH,
            problem=self.problems.by_field.get(path),
        )
        return LeafView(field)

    def _hint(self, leaf: Leaf) -> str:
        if leaf.value.control != "moment":
            return self._text(leaf.hint)
        texts = self.choices.texts
        zone = texts.gettext("Time zone: %(zone)s", zone=texts.zone.key)
        return f"{self._text(leaf.hint)} {zone}".strip()

    def _text(self, text: str) -> str:
        return self.choices.texts.gettext(text) if text else ""


def _is_week(group: Group) -> bool:
    """Tell whether its fields are the hours of days, of which any may be empty."""
    return all(isinstance(node, Leaf) and isinstance(node.value, Hours) for node in group.nodes)


def _unlisted(
    leaf: Leaf, text: str, options: Sequence[tuple[str, str]], choices: Choices
) -> list[tuple[str, str]]:
    """Offer what is there now too, even if nobody could choose it today."""
    if not text or any(value == text for value, _ in options):
        return []
    return [(text, leaf.value.show(text, choices))]


def review_view(
    kind: Kind,
    state: FormState,
    changes: Sequence[Change],
    fields: Sequence[tuple[str, str]],
    choices: Choices,
    *,
    is_new: bool,
    secrets: SecretFields | None = None,
) -> ReviewView:
    """`secrets` are the fields that saving asks for."""
    asks = kind.asks_for_open_contacts and not is_new
    return ReviewView(
        title=form_title(kind, state.setting_id, choices, is_new=is_new),
        url=form_url(kind, state.setting_id, is_new=is_new),
        version=state.version,
        setting_id=state.setting_id,
        open_contacts=state.open_contacts,
        open_contacts_text=choices.texts.gettext(OPEN_CONTACTS[state.open_contacts])
        if asks
        else None,
        changes=tuple(changes),
        fields=tuple(fields),
        is_new=is_new,
        secret_parts=secret_parts(secrets, state.problems, choices) if secrets else (),
        secret_hint=choices.texts.gettext(secrets.hint) if secrets else "",
        problem=state.problems.whole,
    )


def secret_parts(
    secrets: SecretFields, problems: FormProblems, choices: Choices
) -> tuple[LeafView, ...]:
    """Show the fields, always empty."""
    builder = _Builder(choices, problems)
    return tuple(
        builder.leaf(leaf, leaf.initial, f"{SECRETS}/{leaf.name}") for leaf in secrets.leaves
    )
