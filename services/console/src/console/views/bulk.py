"""Many escalations acknowledged at once: what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from console.texts import mark
from console.views.buttons import escalation_url
from console.views.conflicts import ended_text, has_ended
from console.views.reader import Reader
from console.views.reasons import headline
from console.views.saved_views import now_url

# More than a person can answer for; a list of this length fits a screen.
MAX_CHOSEN: Final = 50
NONE_CHOSEN: Final = mark("Choose rows first.")
TOO_MANY_CHOSEN: Final = mark("Choose at most %(number)s rows at once.")


@dataclass(frozen=True, slots=True)
class BulkResult:
    escalation_id: str
    url: str
    headline: str
    subject: str
    text: str
    is_done: bool


@dataclass(frozen=True, slots=True)
class BulkView:
    """`problem` says why nothing was sent."""

    results: tuple[BulkResult, ...]
    summary: str
    back_url: str
    problem: str | None

    @property
    def are_all_done(self) -> bool:
        return self.problem is None and all(result.is_done for result in self.results)


def bulk_view(
    results: Sequence[BulkResult], address: str, problem: str | None, reader: Reader
) -> BulkView:
    """`address` has the filters of the list to go back to."""
    done = sum(result.is_done for result in results)
    return BulkView(
        tuple(results),
        reader.texts.ngettext(
            "%(done)s of %(number)s row acknowledged.",
            "%(done)s of %(number)s rows acknowledged.",
            len(results),
            done=done,
        ),
        now_url(address),
        problem,
    )


def bulk_result(
    escalation_id: str,
    escalation: Mapping[str, Any] | None,
    text: str,
    reader: Reader,
    *,
    is_done: bool,
) -> BulkResult:
    """`escalation` is as it is now; `text` says what became of it where nothing shorter does."""
    _ = reader.texts.gettext
    contact = (escalation or {}).get("contact") or {}
    return BulkResult(
        escalation_id,
        escalation_url(escalation_id),
        _("Escalation") if escalation is None else headline(escalation, reader),
        contact.get("subject", ""),
        _outcome_text(escalation, text, reader, is_done=is_done),
        is_done,
    )


def _outcome_text(
    escalation: Mapping[str, Any] | None, text: str, reader: Reader, *, is_done: bool
) -> str:
    _ = reader.texts.gettext
    if escalation is None:
        return text
    if is_done:
        return _("Acknowledged")
    if has_ended(escalation):
        return ended_text(escalation, reader)
    if escalation["holder"] == reader.person:
        return _("You have it already")
    if escalation["holder"] is not None:
        return _("%(person)s was faster", person=reader.name(escalation["holder"]))
    return text
