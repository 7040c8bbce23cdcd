"""The statements about notifications that are due, held back, or in a thread."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql

from common.contracts.escalations import SEVERITIES
from notifier import tables
from notifier.domain.circuits import DOWN
from notifier.domain.reasons import ANSWERABLE_REASONS

_RANKS = tuple(enumerate(SEVERITIES))
_N = tables.notifications


def _is_unsent(notifications: FromClause) -> ColumnElement[bool]:
    # No parameters: the planner compares it with the condition of the index.
    return notifications.c.state.in_((literal_column("'pending'"), literal_column("'sending'")))


def _severity(content: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a number that is the smaller the more severe it is."""
    severity = content["severity"].astext
    return case(*((severity == name, -rank) for rank, name in _RANKS), else_=0)


def _respond_by(content: ColumnElement[Any]) -> ColumnElement[Any]:
    respond_by: ColumnElement[Any] = content["respond_by"].astext.asc().nulls_last()
    return respond_by


def _due(*, by_urgency: bool) -> Select[Any]:
    slots = func.unnest(
        bindparam("media", type_=ARRAY(Text)), bindparam("slots", type_=ARRAY(Integer))
    )
    free = slots.table_valued("medium", "slots", name="free").render_derived()
    only = bindparam("only", type_=Uuid(as_uuid=False))
    # A summary may carry the most severe.
    severity = case((_N.c.kind == "summary", -len(_RANKS)), else_=_severity(_N.c.content))
    order = (severity, _respond_by(_N.c.content), _N.c.due_at) if by_urgency else (_N.c.due_at,)
    due = (
        select(_N)
        .where(
            _N.c.medium == free.c.medium,
            _is_unsent(_N),
            _N.c.due_at <= bindparam("now"),
            or_(only.is_(None), _N.c.notification_id == only),
        )
        .order_by(*order)
        .limit(free.c.slots)
        .with_for_update(skip_locked=True)
        .lateral("due")
    )
    return select(due).select_from(free.join(due, true())).order_by(due.c.due_at)


DUE = _due(by_urgency=False)
DUE_BY_URGENCY = _due(by_urgency=True)
_SUMMARIES = tables.notifications.alias("summaries")
_WAITS_FOR_SUMMARY = (
    _N.c.medium == bindparam("medium"),
    _N.c.person_id == bindparam("person"),
    _N.c.state == "held_back",
    ~select(_SUMMARIES.c.notification_id)
    .where(_SUMMARIES.c.notification_id == _N.c.summary_id, _is_unsent(_SUMMARIES))
    .exists(),
)
# A summary gets its pages at its first attempt.
_UNFILLED_SUMMARY = (
    _N.c.kind == "summary",
    _N.c.state == "pending",
    _N.c.attempts == 0,
    _N.c.medium == bindparam("medium"),
    _N.c.person_id == bindparam("person"),
)
SUMMARY_DUE = select(func.min(_N.c.due_at)).where(
    *_UNFILLED_SUMMARY, _N.c.notification_id != bindparam("besides")
)
HASTEN_SUMMARY = (
    _N.update()
    .where(
        *_UNFILLED_SUMMARY,
        _N.c.due_at > bindparam("due_at"),
    )
    .values(due_at=bindparam("due_at"))
)


def _held_back() -> Select[Any]:
    """Select the first pages that wait, by turns as `brake.by_turns`."""
    content = _N.c.content
    contact = content["contact"]
    is_informing = ~content["reason"].astext.in_(ANSWERABLE_REASONS)
    # What has its default is not in the row.
    is_repeat = content["is_repeat"].astext.is_not_distinct_from("true")
    customer = func.coalesce(contact["customer_id"].astext, cast(_N.c.contact_id, Text))
    source = func.coalesce(contact["received_from"].astext, contact["channel"].astext, "")
    urgency = (
        _severity(content),
        _respond_by(content),
        _N.c.notification_id,
    )
    turns = (
        select(
            _N.c.notification_id,
            is_informing.label("is_informing"),
            is_repeat.label("is_repeat"),
            source.label("source"),
            func.row_number()
            .over(partition_by=(is_informing, is_repeat, customer), order_by=urgency)
            .label("turn"),
            func.row_number().over(order_by=urgency).label("urgency"),
        )
        .where(*_WAITS_FOR_SUMMARY)
        .subquery()
    )
    group = (turns.c.is_informing, turns.c.is_repeat)
    turn_of_source = func.row_number().over(
        partition_by=(*group, turns.c.source), order_by=(turns.c.turn, turns.c.urgency)
    )
    first = (
        select(turns.c.notification_id)
        .order_by(*group, turn_of_source, turns.c.urgency)
        .limit(bindparam("most"))
    )
    return (
        select(_N)
        .where(_N.c.notification_id.in_(first), _N.c.state == "held_back")
        .order_by(_N.c.notification_id)
        .with_for_update(skip_locked=True)
    )


HELD_BACK = _held_back()
# One statement, so that all transactions lock rows in one order.
PARTS = (
    select(_N)
    .where(
        or_(
            _N.c.contact_id == any_(bindparam("whole", type_=ARRAY(Uuid(as_uuid=False)))),
            (_N.c.contact_id == any_(bindparam("parts", type_=ARRAY(Uuid(as_uuid=False)))))
            & (_N.c.person_id == any_(bindparam("people", type_=ARRAY(Text)))),
        )
    )
    .order_by(_N.c.notification_id)
    .with_for_update()
)
COUNT_HELD_BACK = select(func.count()).select_from(_N).where(*_WAITS_FOR_SUMMARY)
# Who still has to answer was asked again since, and the messages of some minutes are among them.
NEWEST_OF_PERSON = (
    select(_N)
    .where(_N.c.person_id == bindparam("person"))
    .order_by(_N.c.notification_id.desc())
    .limit(2000)
    .subquery("newest")
)
LAST_SUMMARY = (
    select(NEWEST_OF_PERSON)
    .where(
        NEWEST_OF_PERSON.c.kind == "summary",
        NEWEST_OF_PERSON.c.medium == bindparam("medium"),
        NEWEST_OF_PERSON.c.attempts > 0,
        NEWEST_OF_PERSON.c.notification_id != bindparam("besides"),
    )
    .order_by(NEWEST_OF_PERSON.c.notification_id.desc())
    .limit(1)
)
CARRIED_PAGES = select(NEWEST_OF_PERSON).where(
    NEWEST_OF_PERSON.c.kind == "page",
    NEWEST_OF_PERSON.c.state == "grouped",
    NEWEST_OF_PERSON.c.summary_id == any_(bindparam("summaries", type_=ARRAY(Uuid(as_uuid=False)))),
)
_SUMMARY_IDS = bindparam("summaries", type_=ARRAY(Uuid(as_uuid=False)))
_CONTACT_IDS = select(cast(_N.c.contact_id, Text).label("contact_id"))
# Each part has an index of its own.
OF_SUMMARIES = union_all(
    _CONTACT_IDS.join(
        _SUMMARIES,
        (_SUMMARIES.c.medium == _N.c.medium) & (_SUMMARIES.c.person_id == _N.c.person_id),
    ).where(
        _SUMMARIES.c.notification_id == any_(_SUMMARY_IDS),
        _N.c.summary_id == _SUMMARIES.c.notification_id,
        _N.c.state == "held_back",
    ),
    _CONTACT_IDS.where(
        _N.c.summary_id == any_(_SUMMARY_IDS), _N.c.state == literal_column("'grouped'")
    ),
)
THREADS = (
    select(_N.c.medium, _N.c.escalation_id, _N.c.person_id, _N.c.receipt)
    .ext(postgresql.distinct_on(_N.c.medium, _N.c.escalation_id, _N.c.person_id))
    .where(
        _N.c.escalation_id == any_(bindparam("escalations", type_=ARRAY(Uuid(as_uuid=False)))),
        _N.c.person_id == any_(bindparam("people", type_=ARRAY(Text))),
        _N.c.medium == any_(bindparam("media", type_=ARRAY(Text))),
        _N.c.kind == "page",
        _N.c.state == "sent",
    )
    .order_by(_N.c.medium, _N.c.escalation_id, _N.c.person_id, _N.c.sent_at)
)
_FIRST_ATTEMPT = (
    select(func.min(tables.delivery_attempts.c.started_at))
    .where(tables.delivery_attempts.c.notification_id == _N.c.notification_id)
    .scalar_subquery()
)
WAITING_CONTACTS = (
    select(cast(_N.c.contact_id, Text).label("contact_id"))
    .where(
        _N.c.medium == any_(bindparam("media", type_=ARRAY(Text))),
        _N.c.state == "pending",
        _N.c.due_at <= bindparam("now"),
        or_(
            _N.c.delay_reason.is_(None),
            ~func.starts_with(_N.c.delay_reason, _N.c.medium + DOWN),
            (_N.c.kind == "page")
            & (func.coalesce(_FIRST_ATTEMPT, _N.c.due_at) <= bindparam("expired")),
        ),
    )
    .limit(bindparam("limit"))
)
WITHOUT_RECEIPT = (
    select(
        cast(_N.c.contact_id, Text).label("contact_id"),
        cast(_N.c.notification_id, Text).label("notification_id"),
        _N.c.kind,
    )
    .where(_N.c.receipt_due_at <= bindparam("now"), _N.c.delivered_at.is_(None))
    .limit(bindparam("limit"))
)
FORGET_RECEIPTS = (
    _N.update()
    .where(_N.c.notification_id == any_(bindparam("ids", type_=ARRAY(Uuid(as_uuid=False)))))
    .values(receipt_due_at=None)
)
TIME_UNTIL_DUE = """
    SELECT min(first.due_at) - clock_timestamp()
    FROM unnest(CAST($1 AS text[])) AS media(medium), LATERAL (
        SELECT min(due_at) AS due_at FROM notifications
        WHERE medium = media.medium AND state IN ('pending', 'sending')
    ) AS first
"""
