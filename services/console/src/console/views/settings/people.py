"""People, what representatives take at a time, the supervisors of teams, and limits."""

from collections.abc import Iterator
from typing import Final

from common.contracts.people import Position
from console.texts import mark
from console.views.reader import Reader
from console.views.settings.kinds import Body, Kind, Related
from console.views.settings.nodes import KEY, UNNAMED, VALUE, Leaf, Rows
from console.views.settings.phrases import days, duration
from console.views.settings.values import (
    Amount,
    CurrencyCode,
    Duration,
    Flag,
    Line,
    PersonChoice,
    SeveralOf,
    WholeNumber,
    Words,
)
from console.views.words import title_of

POSITIONS: Final[dict[Position, str]] = {
    "representative": mark("representative"),
    "supervisor": mark("supervisor"),
    "manager": mark("manager"),
    "director": mark("director"),
}
_PERSON: Final = (
    Leaf("name", Line(), mark("Name")),
    Leaf("roles", SeveralOf(POSITIONS), mark("What the person does"), is_required=False),
    Leaf("team_id", Line(), mark("Team"), is_required=False),
    Leaf("reports_to", PersonChoice(), mark("Superior"), is_required=False),
    Leaf(
        "languages", Words(), mark("Languages"), mark("Such as en, de, pt-BR."), is_required=False
    ),
    Leaf(
        "skills",
        Words(),
        mark("Skills"),
        mark("Topics of contacts, with commas between."),
        is_required=False,
    ),
    Leaf("active", Flag(), mark("Works here"), initial="on"),
)


def _describe_person(body: Body, reader: Reader, _related: Related) -> list[str]:
    return list(_person_sentences(body, reader))


def _person_sentences(body: Body, reader: Reader) -> Iterator[str]:
    _ = reader.texts.gettext
    if not body["active"]:
        yield _("Has left.")
    roles = [_(POSITIONS.get(role, role)) for role in body["roles"]]
    team = title_of(body["team_id"]) if body["team_id"] else None
    if roles and team:
        yield _("Works as %(roles)s in team %(team)s.", roles=", ".join(roles), team=team)
    elif roles:
        yield _("Works as %(roles)s.", roles=", ".join(roles))
    if body["reports_to"]:
        yield _("Reports to %(person)s.", person=reader.name(body["reports_to"]))
    if body["languages"]:
        names = reader.texts.locale.languages
        languages = ", ".join(names.get(tag.replace("-", "_"), tag) for tag in body["languages"])
        yield _("Answers in %(languages)s.", languages=languages)
    if body["skills"]:
        yield _("Takes contacts about %(topics)s.", topics=", ".join(body["skills"]))


PEOPLE: Final = Kind(
    slug="people",
    path="people",
    title=mark("People"),
    singular=mark("Person"),
    purpose=mark("Who works here, in which team, with which skills and languages."),
    nodes=_PERSON,
    describe=_describe_person,
    service="router",
    id_field="person_id",
    in_envelope=False,
    is_of_person=True,
)

_WORKLOAD: Final = (
    Leaf("capacity", WholeNumber(), mark("Contacts at the same time"), initial="3"),
    Leaf("auto_accept", Flag(), mark("Contacts are assigned at once, without a question")),
    Leaf("offer_s", Duration(), mark("Time to accept a contact"), initial="30 s"),
)


def _describe_workload(body: Body, reader: Reader, _related: Related) -> list[str]:
    _ = reader.texts.gettext
    count = reader.texts.ngettext(
        "Has %(number)s contact at the same time at most.",
        "Has %(number)s contacts at the same time at most.",
        body["capacity"],
    )
    if body["auto_accept"]:
        return [count, _("Contacts are assigned at once.")]
    time = duration(body["offer_s"], reader)
    return [count, _("Has %(duration)s to accept a contact that is offered.", duration=time)]


WORKLOADS: Final = Kind(
    slug="workloads",
    path="representatives",
    title=mark("Workload"),
    singular=mark("Workload of"),
    purpose=mark("How many contacts each representative has at the same time."),
    nodes=_WORKLOAD,
    describe=_describe_workload,
    service="router",
    id_field="representative_id",
    in_envelope=False,
    is_of_person=True,
    is_open_to_new=False,
    # `capacity` there is the one in force, which may be adjusted until a time.
    answer_names={"capacity": "usual_capacity"},
)


def _describe_team(body: Body, reader: Reader, _related: Related) -> list[str]:
    people = ", ".join(reader.name(person) for person in body["supervisors"])
    return [reader.texts.gettext("Supervisors: %(people)s.", people=people)]


TEAMS: Final = Kind(
    slug="teams",
    path="teams",
    title=mark("Teams"),
    singular=mark("Team"),
    purpose=mark("Who supervises a team, if not its own supervisors."),
    nodes=(
        Rows(
            "supervisors",
            mark("Supervisors"),
            mark("Supervisor"),
            (Leaf(UNNAMED, PersonChoice(), mark("Supervisor")),),
            shape="scalars",
            is_ordered=True,
            initial_count=1,
            add_label=mark("Add a supervisor"),
        ),
    ),
    describe=_describe_team,
    archive_choices=("keep",),
)


def _amounts(name: str, label: str, hint: str) -> Rows:
    return Rows(
        name,
        label,
        mark("Currency"),
        (
            Leaf(KEY, CurrencyCode(), mark("Currency"), mark("Three letters, such as EUR.")),
            Leaf(VALUE, Amount(), mark("Amount")),
        ),
        hint,
        shape="map",
        add_label=mark("Add a currency"),
    )


_LIMIT: Final = (
    Leaf("unlimited", Flag(), mark("Any amount")),
    _amounts("limits", mark("Most for one contact"), mark("In other currencies nothing.")),
    _amounts(
        "per_customer",
        mark("Most for one customer"),
        mark("Left empty, that for one contact."),
    ),
    Leaf(
        "window_days",
        WholeNumber(),
        mark("Days that count for a customer"),
        initial="30",
    ),
)


def _describe_limit(body: Body, reader: Reader, _related: Related) -> list[str]:
    return list(_limit_sentences(body, reader))


def _limit_sentences(body: Body, reader: Reader) -> Iterator[str]:
    _ = reader.texts.gettext
    if body["unlimited"]:
        yield _("May grant any amount.")
        return
    if not body["limits"]:
        yield _("May grant nothing that costs something.")
        return
    yield _("May grant %(amounts)s for one contact.", amounts=_amount_list(body["limits"], reader))
    yield _(
        "For one customer %(amounts)s within %(time)s.",
        amounts=_amount_list({**body["limits"], **body["per_customer"]}, reader),
        time=days(body["window_days"], reader),
    )


def _amount_list(amounts: Body, reader: Reader) -> str:
    return ", ".join(reader.texts.amount(amount, currency) for currency, amount in amounts.items())


LIMITS: Final = Kind(
    slug="limits",
    path="approval-limits",
    title=mark("Limits"),
    singular=mark("Limit of"),
    purpose=mark("How much each role may grant without asking."),
    nodes=_LIMIT,
    describe=_describe_limit,
    ids={"supervisor": mark("Supervisors"), "manager": mark("Managers")},
)
