"""The little pages behind a signed link; they work without scripts, on a phone, in a hurry."""

from datetime import datetime
from http import HTTPStatus
from typing import assert_never

from fastapi.responses import HTMLResponse
from markupsafe import Markup

from common.http.problems import ProblemError
from notifier.domain import notifications, wording
from notifier.domain.notifications import Notification
from notifier.domain.reasons import asks_for
from notifier.handlers import Standing

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


def standing(shown: Standing, at: datetime) -> HTMLResponse:
    """Say what it is about, and give the button if an answer is still wanted."""
    content = shown.notification.content
    if shown.awaits_answer:
        deadline = wording.deadline(content, at)
        below = _BUTTON.format(_DEADLINE.format(deadline) if deadline else "")
    else:
        below = _TOLD.format(_how_it_stands(shown))
    about = _ABOUT.format(
        headline=content.headline,
        why=content.why,
        circumstances=" · ".join(wording.circumstances(content)),
    )
    return _page(content.headline, about + below)


def _how_it_stands(shown: Standing) -> str:
    if shown.escalation is None:
        return "There is nothing to acknowledge here."
    if notifications.concerns(shown.notification, shown.escalation):
        return _what_to_do(shown.notification)
    if shown.escalation.by == shown.notification.person_id:
        return f"Thank you: {wording.settled(shown.escalation, 'you').lower()}."
    return f"{wording.settled(shown.escalation, shown.name)}. There is nothing left to do here."


def _what_to_do(notification: Notification) -> str:
    """Say it where there is nothing to press, or nothing any more."""
    ask = asks_for(notification.content.reason)
    match ask:
        case "answer":
            return "Thank you: you have acknowledged this."
        case "approval":
            where = f"/v1/escalations/{notification.escalation_id}"
            return f"Give or refuse your approval in Upstairs: POST {where}/approve or /refuse."
        case "help":
            return "It waits for an answer from those who were asked."
        case "progress":
            return "It is with you: go on with it in Upstairs."
        case "nothing":
            return "There is nothing to acknowledge here."
        case _:
            assert_never(ask)


def problem(error: ProblemError) -> HTMLResponse:
    response = _page(error.detail, _TOLD.format(error.detail))
    response.status_code = error.status
    return response


def _page(title: str, body: Markup) -> HTMLResponse:
    return HTMLResponse(str(_PAGE.format(title=title, body=body)), HTTPStatus.OK, _HEADERS)


_ABOUT = Markup("<h1>{headline}</h1>\n<p>{why}</p>\n<p>{circumstances}</p>\n")
_DEADLINE = Markup("<p><strong>{}</strong></p>\n")
_BUTTON = Markup('{}<form method="post"><button>Acknowledge</button></form>\n')
_TOLD = Markup("<p><strong>{}</strong></p>\n")
_PAGE = Markup("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 36em; margin: 2em auto; padding: 0 1em }}
button {{ font: inherit; padding: .7em 1.6em; border: 0; border-radius: .4em; color: #fff;
background: #0a7d3c; cursor: pointer }}
</style>
</head>
<body>
{body}</body>
</html>
""")
