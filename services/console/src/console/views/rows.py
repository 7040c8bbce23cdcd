"""One escalation as a row: how long left, what, why now, who, and what to press."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from console.views import words
from console.views.actions import choices, lease_ends_soon
from console.views.buttons import Buttons, buttons, escalation_url
from console.views.countdown import Countdown
from console.views.filters import SORTS
from console.views.reader import Reader, parse_time
from console.views.reasons import Reason, headline, reasons

Escalation = Mapping[str, Any]
# In the order in which they are shown.
Band = Literal["needs_you", "unanswered", "yours", "team", "others"]
BANDS: Final[tuple[Band, ...]] = get_args(Band)
# They sound if they need the reader.
URGENT_SEVERITIES: Final = ("critical", "high")
# After every deadline.
_NEVER: Final = "9999"


@dataclass(frozen=True, slots=True)
class Row:
    """`sort_key` orders the rows of all bands; it is a text that a browser compares as well."""

    escalation_id: str
    url: str
    band: Band
    sort_key: str
    severity: str
    severity_text: str
    left: Countdown | None
    headline: str
    subject: str
    reasons: tuple[Reason, ...]
    state: str
    state_text: str
    who: str
    representative: str | None
    team: str | None
    is_alarm: bool
    is_urgent: bool
    buttons: Buttons
    version: int | None

    @property
    def may_acknowledge(self) -> bool:
        return any(button.name == "acknowledge" for button in self.buttons.all)


def make_row(escalation: Escalation, reader: Reader, sort: str = "time_left") -> Row:
    contact = escalation["contact"] or {}
    gettext = reader.texts.gettext
    band = band_of(escalation, reader)
    severity = escalation["severity"]
    return Row(
        escalation_id=escalation["escalation_id"],
        url=escalation_url(escalation["escalation_id"]),
        band=band,
        sort_key=_sort_key(escalation, band, sort),
        severity=severity,
        severity_text=gettext(words.SEVERITIES[severity]),
        left=time_left(escalation, reader),
        headline=headline(escalation, reader),
        subject=contact.get("subject", ""),
        reasons=reasons(escalation, reader),
        state=escalation["state"],
        state_text=gettext(words.STATES[escalation["state"]]),
        who=who(escalation, reader),
        representative=_representative(contact, reader),
        team=contact.get("team_id"),
        is_alarm=escalation["alarm_since"] is not None,
        is_urgent=band == "needs_you" and severity in URGENT_SEVERITIES,
        buttons=buttons(escalation, choices(escalation, reader), reader),
        version=escalation["version"],
    )


def band_of(escalation: Escalation, reader: Reader) -> Band:
    if _needs(escalation, reader):
        return "needs_you"
    if is_unanswered(escalation, reader):
        return "unanswered"
    if escalation["holder"] == reader.person:
        return "yours"
    team = (escalation["contact"] or {}).get("team_id")
    return "team" if team in reader.teams else "others"


def _needs(escalation: Escalation, reader: Reader) -> bool:
    if not reader.may_act or escalation["state"] in words.CLOSED_STATES:
        return False
    return reader.person in escalation["awaited"] or lease_ends_soon(escalation, reader)


def is_unanswered(escalation: Escalation, reader: Reader) -> bool:
    if escalation["holder"] is not None or escalation["state"] in words.CLOSED_STATES:
        return False
    deadline = parse_time(escalation["deadline"])
    is_late = deadline is not None and reader.seconds_until(deadline) < 0
    return escalation["alarm_since"] is not None or is_late


def sort_keys(escalation: Escalation, reader: Reader) -> dict[str, str]:
    """Return the key of the row for each order; none if it is closed, and so in no list."""
    if escalation["state"] in words.CLOSED_STATES:
        return {}
    band = band_of(escalation, reader)
    return {sort: _sort_key(escalation, band, sort) for sort in SORTS}


def _sort_key(escalation: Escalation, band: Band, sort: str) -> str:
    """Order by band, then as the list of escalation does."""
    deadline = _utc_text(escalation["deadline"]) or _NEVER
    rank = words.SEVERITY_RANKS[escalation["severity"]] if sort == "severity" else 0
    if sort == "newest":
        # Later times come first: each digit is replaced by what is missing to nine.
        raised = _utc_text(escalation["raised_at"]) or ""
        deadline = raised.translate(str.maketrans("0123456789", "9876543210"))
    return f"{BANDS.index(band)} {rank} {deadline} {escalation['escalation_id']}"


def _utc_text(value: str | None) -> str | None:
    """Write a time of a service so that texts compare as times do."""
    moment = parse_time(value)
    return None if moment is None else f"{moment.timestamp():017.6f}"


def time_left(escalation: Escalation, reader: Reader) -> Countdown | None:
    deadline = parse_time(escalation["deadline"])
    if deadline is None:
        return None
    return Countdown.of(deadline, _meaning(escalation, deadline, reader), reader)


def _meaning(escalation: Escalation, deadline: datetime, reader: Reader) -> str:
    _ = reader.texts.gettext
    if escalation["state"] == "approval_asked":
        return _("to decide")
    if escalation["holder"] is None:
        return _("to answer")
    if escalation["snoozed_until"] is not None:
        return _("of the snooze")
    if escalation["holder"] != reader.person:
        return _("until it moves on")
    if escalation["lease_end"] == "shift":
        return _("until your shift ends")
    return _("of your time") if reader.seconds_until(deadline) >= 0 else _("your time")


def who(escalation: Escalation, reader: Reader) -> str:
    """Say who has it, who must answer, or who must decide."""
    _ = reader.texts.gettext
    holder, people = escalation["holder"], reader.people(escalation["awaited"])
    if escalation["state"] in words.CLOSED_STATES:
        return _("Ended")
    if escalation["state"] == "approval_asked":
        return _("Must decide: %(people)s", people=people)
    if holder is None:
        return _("Must answer: %(people)s", people=people)
    if holder == reader.person:
        return _("You have it")
    return _("%(person)s has it", person=reader.name(holder))


def _representative(contact: Mapping[str, Any], reader: Reader) -> str | None:
    representative = contact.get("representative_id")
    return None if representative is None else reader.name(representative)
