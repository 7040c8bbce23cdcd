"""Forms of outside systems beside that of their settings: an action that asks, and a new secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.texts import mark
from console.views.fields import FieldView
from console.views.reader import Reader
from console.views.service_problems import FormProblems
from console.views.settings.form import LeafView, secret_parts
from console.views.settings.kinds import Kind
from console.views.settings.nodes import Leaf
from console.views.settings.secret_fields import SecretFields, is_asked_of_new
from console.views.settings.values import Choices


@dataclass(frozen=True, slots=True)
class Action:
    """`question` says what it does; `done` names what the page says afterwards."""

    title: str
    question: str
    button: str
    done: str


@dataclass(frozen=True, slots=True)
class ActionView:
    title: str
    question: str
    button: str
    url: str
    back_url: str
    version: str
    problem: str | None = None
    fields: tuple[FieldView, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretFormView:
    title: str
    hint: str
    button: str
    url: str
    back_url: str
    version: str
    parts: tuple[LeafView, ...]
    problem: str | None


@dataclass(frozen=True, slots=True)
class NewSecretView:
    """A secret that nobody can read again."""

    title: str
    secret: str
    url: str


def action_view(
    kind: Kind,
    setting_id: str,
    name: str,
    action: Action,
    version: str,
    reader: Reader,
) -> ActionView:
    gettext, url = reader.texts.gettext, kind.url_of(setting_id)
    return ActionView(
        title=gettext(action.title, name=setting_id),
        question=gettext(action.question),
        button=gettext(action.button),
        url=f"{url}/{name}",
        back_url=url,
        version=version,
    )


def secret_form_view(
    kind: Kind,
    setting_id: str,
    path: str,
    leaves: Sequence[Leaf],
    version: str,
    problems: FormProblems,
    reader: Reader,
) -> SecretFormView:
    """`path` is the last part of the form's address."""
    gettext, url = reader.texts.gettext, kind.url_of(setting_id)
    hint = "" if kind.secrets is None else kind.secrets.hint
    return SecretFormView(
        title=gettext("New secret of %(name)s", name=setting_id),
        hint=gettext(hint) if hint else "",
        button=gettext("Save the secret"),
        url=f"{url}/{path}",
        back_url=url,
        version=version,
        parts=secret_parts(rotation(leaves, kind), problems, Choices(reader)),
        problem=problems.whole,
    )


def rotation(leaves: Sequence[Leaf], kind: Kind) -> SecretFields:
    """Return the fields by which the secret of a setting is changed."""
    hint = "" if kind.secrets is None else kind.secrets.hint
    return SecretFields(tuple(leaves), hint, _as_read, is_asked_of_new)


def _as_read(fields: Mapping[str, object]) -> Mapping[str, object]:
    return fields


CONNECTION_ACTIONS: Mapping[str, Action] = {
    "pause": Action(
        mark("Pause %(name)s"),
        mark(
            "Its deliveries are refused, and nothing is kept. Most systems send again; Twilio "
            "sends once, and Slack for an hour."
        ),
        mark("Pause"),
        "paused",
    ),
    "resume": Action(
        mark("Resume %(name)s"),
        mark("Its deliveries are taken again from now on."),
        mark("Resume"),
        "resumed",
    ),
    "archive": Action(
        mark("Archive %(name)s"),
        mark(
            "Its secrets are deleted, its contacts stay, and its deliveries are refused. You can "
            "bring it back with a new secret."
        ),
        mark("Archive"),
        "archived",
    ),
}
WEBHOOK_ACTIONS: Mapping[str, Action] = {
    "resume": Action(
        mark("Resume %(name)s"),
        mark("The receiver gets what waited, and all that follows."),
        mark("Resume"),
        "resumed",
    ),
    "remove": Action(
        mark("Remove %(name)s"),
        mark("Nothing more is posted there. What waits is removed too."),
        mark("Remove"),
        "removed",
    ),
}
WRITE_BACK_ACTIONS: Mapping[str, Action] = {
    "pause": Action(
        mark("Pause %(name)s"),
        mark("Nothing is written from now on, and nothing of that is written later."),
        mark("Pause"),
        "paused",
    ),
    "resume": Action(
        mark("Resume %(name)s"),
        mark("What follows is written again, and what waited because of a halt."),
        mark("Resume"),
        "resumed",
    ),
    "remove": Action(
        mark("Remove %(name)s"),
        mark("Nothing more is written, and the credentials are deleted."),
        mark("Remove"),
        "removed",
    ),
}
# What a page says once it is done.
DONE: Mapping[str, str] = {
    "saved": mark("It is saved."),
    "paused": mark("It is paused."),
    "resumed": mark("It is active again."),
    "archived": mark("It is archived."),
    "removed": mark("It is removed."),
    "secret": mark("The new secret counts."),
    "secret-removed": mark("The secret is removed."),
    "credentials": mark("The new credentials count."),
    "retried": mark("It is tried again."),
}
