"""The matrix of access to the console's routes, for people who have signed in, and for others.

`+`: the caller may, if the state allows it. `-`: refused. `0`: no such thing, or none for this
caller. After `#` stand the values of the path that differ from those of the scenario.

In the path stand rita's contact, its escalation, and rita. `bruno` has nothing to do with them.
`sara` is asked, `sam` is a supervisor of another team, `mia` the manager. sara has asked mia to
swap their turns. A variant as `zendesk/pause` is a kind and an action.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from fastapi.routing import APIRoute

from console.pages import ROUTERS
from integration.console.settings_harness import SHORTER_TIMES
from support.access_matrix import parse_rows

CALLERS: Final = ("rita", "bruno", "sara", "sam", "mia")
_TABLE: Final = """
    #                                                  rita bruno sara sam mia
    GET /                                              +    +     +    +   +
    GET /now                                           +    +     +    +   +
    POST /now/acknowledge                              -    -     +    +   +
    POST /now/views                                    +    +     +    +   +
    POST /now/views/{view_id}/{action} #open-first     +    +     +    +   +
    POST /now/views/{view_id}/{action} #delete         +    +     +    +   +
    GET /live                                          +    +     +    +   +
    GET /e/{escalation_id}                             +    0     +    0   +
    GET /e/{escalation_id}/{action}                    -    -     +    0   +
    POST /e/{escalation_id}/{action}                   -    -     +    0   +
    POST /e/{escalation_id}/{action}/draft             -    -     +    +   +
    POST /e/{escalation_id}/{action}/discard-draft     -    -     +    +   +
    GET /mine                                          +    +     +    +   +
    POST /mine/presence                                +    +     -    -   -
    POST /mine/{contact_id}/accept                     +    0     -    -   -
    POST /mine/{contact_id}/decline                    +    0     -    -   -
    POST /mine/{contact_id}/answer-supervisor-question + + - - -
    GET /floor                                         -    -     +    +   +
    GET /floor/{person}                                -    -     +    +   +
    POST /floor/{person}/presence                      -    -     +    +   +
    POST /floor/{person}/capacity                      -    -     +    +   +
    POST /floor/{person}/contacts/{contact_id}/release -    -     +    +   +
    GET /floor/{person}/adjustment                     -    -     +    +   +
    POST /floor/{person}/adjustment                    -    -     +    -   +
    POST /floor/{person}/adjustment/end                -    -     +    -   +
    GET /duty                                          -    -     +    +   +
    GET /duty/{schedule_id}/{form_name} #override      -    -     +    +   +
    GET /duty/{schedule_id}/{form_name} #swap          -    -     +    +   +
    POST /duty/{schedule_id}/{form_name} #override     -    -     +    -   +
    POST /duty/{schedule_id}/{form_name} #swap         -    -     +    +   +
    POST /duty/{schedule_id}/requests/{request_id}/{answer} #accept - - 0 0 +
    POST /duty/{schedule_id}/requests/{request_id}/{answer} #refuse - - 0 0 +
    POST /duty/{schedule_id}/requests/{request_id}/{answer} #withdraw - - + 0 0
    POST /duty/{schedule_id}/changes/{kind}/{change_id}/withdraw #swaps - - 0 0 0
    GET /wall                                          -    -     +    +   +
    GET /alarms                                        +    +     +    +   +
    GET /notifications                                 +    +     +    +   +
    POST /notifications                                +    +     +    +   +
    POST /notifications/verify/{medium}/send           +    +     +    +   +
    POST /notifications/verify/{medium}                +    +     +    +   +
    POST /notifications/test                           +    +     +    +   +
    GET /notifications/addresses/{medium}              +    +     +    +   +
    POST /notifications/addresses/{medium}             +    +     +    +   +
    POST /notifications/addresses/{medium}/remove      +    +     +    +   +
    POST /notifications/addresses/{medium}/earlier     +    +     +    +   +
    POST /notifications/stopped-mails/{kind}/resume #coaching + + + + +
    GET /notifications/absences                        +    +     +    +   +
    POST /notifications/absences                       +    +     +    +   +
    POST /notifications/absences/remove                +    +     +    +   +
    GET /devices                                       +    +     +    +   +
    POST /devices                                      +    +     +    +   +
    POST /devices/{device_id}/remove                   +    +     +    +   +
    GET /settings                                      -    -     +    +   +
    GET /settings/{kind} #policies                     -    -     +    +   +
    GET /settings/{kind}/{setting_id} #policies        -    -     +    +   +
    GET /settings/{kind}/{setting_id}/versions #policies - - + + +
    GET /settings/{kind}/{setting_id}/edit #policies   -    -     -    -   +
    POST /settings/{kind}/{setting_id}/edit #policies  -    -     -    -   +
    GET /settings/{kind}/{setting_id}/archive #policies - - - - +
    POST /settings/{kind}/{setting_id}/archive #policies - - - - +
    GET /settings/new/{kind} #policies                 -    -     -    -   +
    POST /settings/new/{kind} #policies                -    -     -    -   +
    GET /settings/policies/{policy_id}/try             -    -     -    -   +
    POST /settings/policies/{policy_id}/try            -    -     -    -   +
    GET /settings/policies/{policy_id}/try/{simulation_id} - - - - +
    POST /settings/policies/{policy_id}/try/{simulation_id}/cancel - - - - +
    GET /settings/connections                          -    -     -    -   +
    GET /settings/connections/new                      -    -     -    -   +
    GET /settings/new/connections/{kind} #zendesk      -    -     -    -   +
    POST /settings/new/connections/{kind} #zendesk     -    -     -    -   +
    GET /settings/connections/{kind}/{setting_id} #zendesk - - - - +
    GET /settings/connections/{kind}/{setting_id}/edit #zendesk - - - - +
    POST /settings/connections/{kind}/{setting_id}/edit #zendesk - - - - +
    GET /settings/connections/{kind}/{setting_id}/secret #zendesk - - - - +
    POST /settings/connections/{kind}/{setting_id}/secret #zendesk - - - - +
    POST /settings/connections/{kind}/{setting_id}/secrets/{place}/remove #zendesk - - - - +
    GET /settings/connections/{kind}/{setting_id}/try #zendesk - - - - +
    POST /settings/connections/{kind}/{setting_id}/try #zendesk - - - - +
    GET /settings/connections/{kind}/{setting_id}/{action} #zendesk/pause - - - - +
    POST /settings/connections/{kind}/{setting_id}/{action} #zendesk/pause - - - - +
    POST /settings/connections/{kind}/{setting_id}/{action} #zendesk/resume - - - - +
    POST /settings/connections/{kind}/{setting_id}/{action} #zendesk/archive - - - - +
    GET /settings/maintenance                          -    -     +    +   +
    POST /settings/maintenance                         -    -     -    -   +
    POST /settings/maintenance/{scope}/{name}/end      -    -     -    -   +
    GET /settings/status-webhooks                      -    -     -    -   +
    GET /settings/new/status-webhooks                  -    -     -    -   +
    POST /settings/new/status-webhooks                 -    -     -    -   +
    GET /settings/status-webhooks/{source}             -    -     -    -   +
    GET /settings/status-webhooks/{source}/edit        -    -     -    -   +
    POST /settings/status-webhooks/{source}/edit       -    -     -    -   +
    GET /settings/status-webhooks/{source}/secret      -    -     -    -   +
    POST /settings/status-webhooks/{source}/secret     -    -     -    -   +
    GET /settings/status-webhooks/{source}/replay      -    -     -    -   +
    POST /settings/status-webhooks/{source}/replay     -    -     -    -   +
    POST /settings/status-webhooks/{source}/test       -    -     -    -   +
    GET /settings/status-webhooks/{source}/{action} #resume - - - - +
    POST /settings/status-webhooks/{source}/{action} #resume - - - - +
    POST /settings/status-webhooks/{source}/{action} #remove - - - - +
    GET /settings/write-backs                          -    -     -    -   +
    GET /settings/new/write-backs/{kind} #zendesk      -    -     -    -   +
    POST /settings/new/write-backs/{kind} #zendesk     -    -     -    -   +
    GET /settings/write-backs/{kind}/{setting_id} #zendesk - - - - +
    GET /settings/write-backs/{kind}/{setting_id}/edit #zendesk - - - - +
    POST /settings/write-backs/{kind}/{setting_id}/edit #zendesk - - - - +
    GET /settings/write-backs/{kind}/{setting_id}/credentials #zendesk - - - - +
    POST /settings/write-backs/{kind}/{setting_id}/credentials #zendesk - - - - +
    POST /settings/write-backs/{kind}/{setting_id}/test #zendesk - - - - +
    POST /settings/write-backs/{kind}/{setting_id}/writes/{write_id}/retry #zendesk - - - - +
    GET /settings/write-backs/{kind}/{setting_id}/{action} #zendesk/pause - - - - +
    POST /settings/write-backs/{kind}/{setting_id}/{action} #zendesk/pause - - - - +
    POST /settings/write-backs/{kind}/{setting_id}/{action} #zendesk/resume - - - - +
    POST /settings/write-backs/{kind}/{setting_id}/{action} #zendesk/remove - - - - +
    GET /settings/message-templates                    -    -     -    -   +
    GET /settings/message-templates/{medium}/{kind}/{language} #raised - - - - +
    POST /settings/message-templates/{medium}/{kind}/{language} #raised - - - - +
    GET /sessions                                      +    +     +    +   +
    POST /sessions/{session_id}/end                    +    +     +    +   +
    POST /sign-out                                     +    +     +    +   +
"""
# What forms of these routes send, so that it is not their content that is refused.
FORMS: Final[Mapping[str, Mapping[str, str]]] = {
    "POST /e/{escalation_id}/{action}": {
        **dict.fromkeys(
            (
                *("note", "text", "reason", "context", "guidance", "proposal"),
                *("customer_statement", "representative_statement"),
            ),
            "A word",
        ),
        "version": '"1"',
        "until": "30",
        "to": "mia",
        "person_id": "rita",
        "outcome": "answer",
    },
    "POST /now/acknowledge": {"escalation": "{escalation_id}"},
    "POST /now/views": {"name": "Chats", "filters": "channel=chat"},
    "POST /settings/policies/{policy_id}/try": SHORTER_TIMES,
    "POST /mine/presence": {"presence": "available"},
    "POST /mine/{contact_id}/decline": {"reason": "Busy"},
    "POST /mine/{contact_id}/answer-supervisor-question": {"answer": "no"},
    "POST /floor/{person}/presence": {"presence": "available"},
    "POST /floor/{person}/capacity": {"capacity": "3"},
    "POST /floor/{person}/contacts/{contact_id}/release": {"reason": "Rita goes home"},
    "POST /floor/{person}/adjustment": {
        "capacity": "2",
        "skills": "billing",
        "languages": "en",
        "ends_at": "{tomorrow}",
        "reason": "First day back",
    },
    "POST /floor/{person}/adjustment/end": {"etag": '"1"'},
    "POST /settings/maintenance": {
        "scope": "topic",
        "name": "billing",
        "minutes": "60",
        "reason": "New system",
    },
    "POST /duty/{schedule_id}/{form_name}": {
        "second": "mia",
        "person_id": "mia",
        "from": "{tomorrow}",
        "until": "{in_two_days}",
    },
}
# Stops an admitted caller, whose answer would never end.
QUERIES: Final[Mapping[str, str]] = {"GET /live": "?" + "&".join(["view="] * 51)}
MATRIX: Final = parse_rows(CALLERS, _TABLE)
# Who is not signed in may open these.
OPEN: Final[Mapping[str, str]] = {
    "GET /sign-in": "where people sign in",
    "GET /sign-in/provider": "leads to the provider",
    "GET /sign-in/return": "the provider's answer is checked",
    "GET /enter": "the link counts once, in development",
    "POST /enter": "in development",
    "GET /signed-out": "says nothing",
    "GET /jwks.json": "public keys",
    "GET /sw.js": "a script without data",
    "POST /preferences": "colours and language of the browser",
}


def operations() -> Iterator[tuple[str, str]]:
    """Yield the method and the path of each route, filled in."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            path = re.sub(r"{\w+}", "019cae07-79c0-7a40-9c52-4f6b7e0d9a01", route.path)
            for method in route.methods or ():
                yield f"{method} {route.path}", path
