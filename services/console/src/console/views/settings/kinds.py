"""What a kind of setting is to the screens: where it is kept, its fields, and its sentences."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from common.contracts.event import ID_PATTERN
from common.contracts.services import EventService
from console.texts import mark
from console.views.reader import Reader, parse_time
from console.views.settings.nodes import Node
from console.views.settings.secret_fields import SecretFields
from console.views.words import title_of

OpenContacts = Literal["keep", "retarget", "release"]
Body = Mapping[str, Any]
# Other settings by their kind and id, as far as a page has read them.
Related = Mapping[tuple[str, str], Body]
Describe = Callable[[Body, Reader, Related], list[str]]

OPEN_CONTACTS: Final[Mapping[OpenContacts, str]] = {
    "keep": mark("They go on with what was promised to them."),
    "retarget": mark("They move to the settings in force."),
    "release": mark("What was promised to them by it ends."),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """`slug` names it in the console's addresses, `path` in the service.

    `id_field` is the id's name in the service's answers. `in_envelope`: the answers have the
    setting as `body`, beside its id and version. `ids` are the only ids that there may be.
    """

    slug: str
    path: str
    title: str
    singular: str
    purpose: str
    nodes: tuple[Node, ...]
    describe: Describe
    service: EventService = "escalation"
    id_field: str = "id"
    in_envelope: bool = True
    is_of_person: bool = False
    has_versions: bool = True
    ids: Mapping[str, str] = field(default_factory=dict)
    archive_choices: tuple[OpenContacts, ...] = ()
    # What becomes of open contacts can be chosen whenever it is put.
    asks_for_open_contacts: bool = False
    # Kinds of settings that its fields name.
    named_kinds: tuple[str, ...] = ()
    # Who may be put is there already.
    is_open_to_new: bool = True
    # Members of the body that belong to one version only.
    momentary: frozenset[str] = frozenset()
    # Members of the body that have another name in the service's answers.
    answer_names: Mapping[str, str] = field(default_factory=dict)
    # Where several kinds are listed together.
    list_slug: str = ""
    # Ids are names in outside systems: they are shown as they are.
    has_technical_ids: bool = False
    id_label: str = mark("Short name")
    id_hint: str = mark("Letters, digits and hyphens, such as gold-customers.")
    id_pattern: str = ID_PATTERN
    id_problem: str = mark("Please write letters, digits and hyphens only.")
    secrets: SecretFields | None = None
    # The fields that refusals are about which name none, by their codes.
    problem_fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"/settings/{self.slug}"

    @property
    def list_url(self) -> str:
        return f"/settings/{self.list_slug}" if self.list_slug else self.url

    def url_of(self, setting_id: str) -> str:
        return f"{self.url}/{setting_id}"

    def path_of(self, setting_id: str) -> str:
        return f"/v1/{self.path}/{setting_id}"

    def form_body(self, body: Body) -> Body:
        """Return what a form of the setting begins with."""
        return {name: value for name, value in body.items() if name not in self.momentary}

    def title_of(self, setting_id: str, reader: Reader) -> str:
        if self.is_of_person:
            return reader.name(setting_id)
        if setting_id in self.ids:
            return reader.texts.gettext(self.ids[setting_id])
        if self.has_technical_ids:
            return setting_id
        return title_of(setting_id)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as a service has it; `version` is None where the service counts none.

    `changed_by` and `changed_at` are there if the service says them with the setting itself.
    """

    setting_id: str
    version: int | None
    body: Body
    is_archived: bool = False
    warnings: Sequence[Mapping[str, Any]] = ()
    changed_by: str | None = None
    changed_at: datetime | None = None


def setting_of(kind: Kind, item: Mapping[str, Any], *, is_archived: bool = False) -> Setting:
    """Read a setting from the service's answer."""
    names = {node.name: kind.answer_names.get(node.name, node.name) for node in kind.nodes}
    whole = item["body"] if kind.in_envelope else item
    body = {name: whole[answered] for name, answered in names.items() if answered in whole}
    warnings = tuple(item.get("warnings", ()))
    return Setting(
        item[kind.id_field],
        item.get("version"),
        body,
        is_archived or (not kind.in_envelope and item.get("state") == "archived"),
        warnings,
        item.get("changed_by"),
        parse_time(item.get("changed_at")),
    )
