"""The matrix of access.

`+`: the caller may, if the state allows it. `-`: 401 or 403. `0`: 404, since there is no such
thing, or none for this caller. After `#` stands a variant of the request, see requests.py.

`shop` received the contact and `rita` has it; `kiosk` and `bruno` have nothing to do with it.
`sara` is rita's supervisor and on duty, `sam` is one of another team, `mia` the manager, `ops` the
admin.
In the path stand the contact, its escalation, and rita; sara has asked sam to swap their shifts.
"""

from collections.abc import Mapping
from typing import Final

from support.access_matrix import Row, parse_rows

# Who calls these has no key, but a signature.
OPEN: Final[Mapping[str, Mapping[str, str]]] = {
    "intake": {
        "POST /v1/channels/{kind}/{connection}": "the outside system signs",
        "POST /v1/channels/{kind}/{connection}/{secret}": "the address has the secret",
    },
    "router": {},
    "escalation": {},
    "notifier": {
        "GET /v1/acknowledgements/{token}": "the link is signed",
        "POST /v1/acknowledgements/{token}": "the link is signed",
        "GET /v1/mail-stops/{token}": "the link is signed",
        "POST /v1/mail-stops/{token}": "the link is signed",
        "POST /v1/callbacks/slack": "Slack signs",
        "POST /v1/callbacks/twilio/messages": "Twilio signs",
        "POST /v1/callbacks/twilio/keys/{token}": "Twilio signs",
        "POST /v1/callbacks/twilio/statuses/{notification_id}": "Twilio signs",
    },
}
_EVERY_SERVICE = """
    #                                             shop kiosk rita bruno sara sam mia ops
    GET /v1/dead-letters                          -    -     -    -     -    -   -   +
    GET /v1/dead-letters/{letter_id}              -    -     -    -     -    -   -   0
    POST /v1/dead-letters/{letter_id}/replay      -    -     -    -     -    -   -   0
    POST /v1/dead-letters/{letter_id}/discard     -    -     -    -     -    -   -   0
    GET /v1/api-keys                              -    -     -    -     -    -   -   +
    POST /v1/api-keys                             -    -     -    -     -    -   -   +
    POST /v1/api-keys/{key_id}/revoke             -    -     -    -     -    -   -   0
"""
_INTAKE = """
    #                                                         shop kiosk rita bruno sara sam mia ops
    POST /v1/contacts                                         +    +     -    -     -    -   -   +
    GET /v1/contacts                                          +    +     +    +     +    +   +   +
    GET /v1/contacts/{contact_id}                             +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/messages                   +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/messages #customer         +    0     -    -     -    -   -   +
    POST /v1/contacts/{contact_id}/request-supervisor         +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/answer-supervisor-question +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/wait-for-customer          +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/stop-waiting               +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/discard                    +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/merge                      +    0     +    -     +    +   +   +
    GET /v1/contacts/{contact_id}/history                     +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/resolve                    +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/abandon                    +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/report-presence            +    0     -    -     -    -   -   +
    POST /v1/contacts/{contact_id}/reopen                     +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/prioritize                 +    0     +    -     +    +   +   +
    POST /v1/contacts/{contact_id}/feedback                   +    0     -    -     -    -   -   +
    POST /v1/contacts/{contact_id}/interactions               +    0     -    -     -    -   -   +
    POST /v1/contacts/{contact_id}/surveys                    +    0     -    -     -    -   -   +
    POST /v1/contacts/{contact_id}/surveys/{survey_id}/answer +    0     -    -     -    -   -   +
    GET /v1/customers                                         -    -     -    -     +    +   +   +
    GET /v1/customers/{customer_id}                           -    -     +    0     +    +   +   +
    POST /v1/customers/{customer_id}/merge                    -    -     -    -     +    +   +   +
    POST /v1/customers/{customer_id}/unmerge                  -    -     -    -     +    +   +   +
    POST /v1/customers/{customer_id}/erase                    -    -     -    -     -    -   +   +
    GET /v1/erasures                                          -    -     -    -     -    -   +   +
    PUT /v1/channels/{kind}/{connection}                      -    -     -    -     -    -   +   +
    GET /v1/channels/{kind}/{connection}                      -    -     -    -     -    -   +   +
    GET /v1/channels                                          -    -     -    -     -    -   +   +
    POST /v1/channels/{kind}/{connection}/test                -    -     -    -     -    -   +   +
    DELETE /v1/channels/{kind}/{connection}                   -    -     -    -     -    -   +   +
    POST /v1/understanding/preview                            -    -     -    -     -    -   +   +
"""
_ROUTER = """
    #                                                         shop kiosk rita bruno sara sam mia ops
    PUT /v1/people/{person_id}                                -    -     -    -     -    -   +   +
    GET /v1/people/{person_id}                                -    -     +    +     +    +   +   +
    GET /v1/people                                            -    -     +    +     +    +   +   +
    GET /v1/people/{person_id}/versions                       -    -     -    -     +    +   +   +
    GET /v1/representatives/{representative_id}/versions      -    -     -    -     +    +   +   +
    PUT /v1/representatives/{representative_id}               -    -     -    -     +    +   +   +
    GET /v1/representatives/{representative_id}               -    -     +    +     +    +   +   +
    GET /v1/representatives                                   -    -     +    +     +    +   +   +
    PUT /v1/representatives/{representative_id}/presence      -    -     +    -     +    +   +   +
    PUT /v1/representatives/{representative_id}/adjustment    -    -     -    -     +    -   +   +
    DELETE /v1/representatives/{representative_id}/adjustment -    -     -    -     +    -   +   +
    GET /v1/representatives/{representative_id}/adjustments   -    -     +    -     +    +   +   +
    GET /v1/assignments                                       -    -     +    +     +    +   +   +
    GET /v1/assignments/{contact_id}                          -    -     +    0     +    +   +   +
    POST /v1/assignments/{contact_id}/accept                  -    -     +    0     +    +   +   +
    POST /v1/assignments/{contact_id}/decline                 -    -     +    0     +    +   +   +
    POST /v1/assignments/{contact_id}/complete                -    -     +    0     +    +   +   +
    POST /v1/assignments/{contact_id}/refer                   -    -     +    0     +    +   +   +
    POST /v1/assignments/{contact_id}/release                 -    -     +    0     +    +   +   +
    GET /v1/queues                                            -    -     +    +     +    +   +   +
    GET /v1/staffing                                          -    -     +    +     +    +   +   +
"""
_ESCALATION = """
    #                                                      shop kiosk rita bruno sara sam mia ops
    GET /v1/escalations                                    -    -     +    +     +    +   +   +
    POST /v1/escalations                                   -    -     +    +     +    +   +   +
    GET /v1/escalations/stream                             -    -     +    +     +    +   +   +
    GET /v1/lateness                                       -    -     -    -     +    +   +   +
    GET /v1/escalations/{escalation_id}                    -    -     +    0     +    0   +   +
    GET /v1/escalations/{escalation_id}/audit-trail        -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/acknowledge       -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/take-over         -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/renew             -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/snooze            -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/note              -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/request-coaching  -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/mediate           -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/hand-back         -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/hand-over         -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/refer-up          -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/resolve           -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/approve           -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/refuse            -    -     -    -     +    0   +   +
    POST /v1/escalations/{escalation_id}/reopen            -    -     -    -     +    0   +   +
    GET /v1/complaints                                     -    -     +    +     +    +   +   +
    GET /v1/complaints/{complaint_id}                      -    -     +    0     0    0   +   +
    POST /v1/complaints/{complaint_id}/uphold              -    -     -    -     0    0   +   +
    POST /v1/complaints/{complaint_id}/dismiss             -    -     -    -     0    0   +   +
    POST /v1/complaints/{complaint_id}/withdraw            -    -     +    0     0    0   -   -
    GET /v1/contacts/{contact_id}/clocks                   -    -     +    0     +    0   +   +
    GET /v1/clocks                                         -    -     -    -     +    +   +   +
    GET /v1/duty-schedules/{setting_id}/on-duty            -    -     -    -     +    +   +   +
    GET /v1/duty-schedules/{setting_id}/versions           -    -     +    +     +    +   +   +
    GET /v1/duty-schedules/{setting_id}/shifts             -    -     -    -     +    +   +   +
    GET /v1/duty-schedules/{setting_id}/gaps               -    -     -    -     +    +   +   +
    POST /v1/duty-schedules/{setting_id}/overrides         -    -     -    -     -    +   +   +
    POST /v1/duty-schedules/{setting_id}/swaps             -    -     -    -     +    +   +   +
    GET /v1/duty-schedules/{setting_id}/overrides          -    -     -    -     +    +   +   +
    GET /v1/duty-schedules/{setting_id}/swaps              -    -     -    -     +    +   +   +
    DELETE /v1/duty-schedules/{setting_id}/overrides/{override_id} - - - - 0 0 0 0
    DELETE /v1/duty-schedules/{setting_id}/swaps/{swap_id} -    -     -    -     0    0   0   0
    GET /v1/duty-schedules/{setting_id}/change-requests    -    -     -    -     +    +   +   +
    POST /v1/duty-schedules/{setting_id}/change-requests/{request_id}/accept - - - - 0 + 0 0
    POST /v1/duty-schedules/{setting_id}/change-requests/{request_id}/refuse - - - - 0 + 0 0
    POST /v1/duty-schedules/{setting_id}/change-requests/{request_id}/withdraw - - - - + 0 0 0
    GET /v1/duty-schedules/{setting_id}/calendar.ics       -    -     -    -     +    +   +   +
    HEAD /v1/duty-schedules/{setting_id}/calendar.ics      -    -     -    -     +    +   +   +
    GET /v1/people/{person_id}/duty.ics                    -    -     -    -     +    +   +   +
    HEAD /v1/people/{person_id}/duty.ics                   -    -     -    -     +    +   +   +
    GET /v1/duty-schedules/{setting_id}/calendar-link      -    -     -    -     +    +   +   +
    GET /v1/people/{person_id}/duty-link                   -    -     -    -     +    +   +   +
    POST /v1/sla-policies/match                            -    -     +    +     +    +   +   +
    GET /v1/ladders/{setting_id}/who                       -    -     -    -     +    +   +   +
    GET /v1/contacts/{contact_id}/responders               -    -     -    -     +    0   +   +
    GET /v1/configuration/problems                         -    -     -    -     +    +   +   +
    POST /v1/simulations                                   -    -     -    -     -    -   +   +
    GET /v1/simulations/{simulation_id}                    -    -     -    -     -    -   0   0
    DELETE /v1/simulations/{simulation_id}                 -    -     -    -     -    -   0   0
    PUT /v1/sla-policies/{setting_id}                      -    -     -    -     -    -   +   +
    DELETE /v1/sla-policies/{setting_id}                   -    -     -    -     -    -   +   +
    GET /v1/sla-policies/{setting_id}                      -    -     +    +     +    +   +   +
    GET /v1/sla-policies                                   -    -     +    +     +    +   +   +
    GET /v1/sla-policies/{setting_id}/versions             -    -     +    +     +    +   +   +
    PUT /v1/calendars/{setting_id}                         -    -     -    -     -    -   +   +
    DELETE /v1/calendars/{setting_id}                      -    -     -    -     -    -   +   +
    GET /v1/calendars/{setting_id}                         -    -     +    +     +    +   +   +
    GET /v1/calendars                                      -    -     +    +     +    +   +   +
    GET /v1/calendars/{setting_id}/versions                -    -     +    +     +    +   +   +
    PUT /v1/ladders/{setting_id}                           -    -     -    -     -    -   +   +
    DELETE /v1/ladders/{setting_id}                        -    -     -    -     -    -   +   +
    GET /v1/ladders/{setting_id}                           -    -     +    +     +    +   +   +
    GET /v1/ladders                                        -    -     +    +     +    +   +   +
    GET /v1/ladders/{setting_id}/versions                  -    -     +    +     +    +   +   +
    PUT /v1/duty-schedules/{setting_id}                    -    -     -    -     -    -   +   +
    DELETE /v1/duty-schedules/{setting_id}                 -    -     -    -     -    -   +   +
    GET /v1/duty-schedules/{setting_id}                    -    -     +    +     +    +   +   +
    GET /v1/duty-schedules                                 -    -     +    +     +    +   +   +
    PUT /v1/absences/{setting_id}                          -    -     +    -     -    -   +   +
    GET /v1/absences/{setting_id}                          -    -     +    +     +    +   +   +
    GET /v1/absences                                       -    -     +    +     +    +   +   +
    GET /v1/absences/{setting_id}/versions                 -    -     +    +     +    +   +   +
    PUT /v1/teams/{setting_id}                             -    -     -    -     -    -   +   +
    DELETE /v1/teams/{setting_id}                          -    -     -    -     -    -   +   +
    GET /v1/teams/{setting_id}                             -    -     +    +     +    +   +   +
    GET /v1/teams                                          -    -     +    +     +    +   +   +
    GET /v1/teams/{setting_id}/versions                    -    -     +    +     +    +   +   +
    PUT /v1/approval-limits/{setting_id}                   -    -     -    -     -    -   +   +
    GET /v1/approval-limits/{setting_id}                   -    -     +    +     +    +   +   +
    GET /v1/approval-limits                                -    -     +    +     +    +   +   +
    GET /v1/approval-limits/{setting_id}/versions          -    -     +    +     +    +   +   +
"""
_NOTIFIER = """
    #                                             shop kiosk rita bruno sara sam mia ops
    PUT /v1/recipients/{person_id}                -    -     +    -     +    -   +   +
    GET /v1/recipients/{person_id}                -    -     +    -     +    -   +   +
    GET /v1/recipients/{person_id}/changes        -    -     +    -     +    -   +   +
    GET /v1/recipients                            -    -     +    +     +    +   +   +
    GET /v1/notifications                         -    -     -    -     +    +   +   +
    PUT /v1/maintenance-windows/{scope}/{name}    -    -     -    -     -    -   +   +
    GET /v1/maintenance-windows                   -    -     -    -     +    +   +   +
    DELETE /v1/maintenance-windows/{scope}/{name} -    -     -    -     -    -   0   0
    GET /v1/web-push                              -    -     +    +     +    +   +   +
    POST /v1/recipients/{person_id}/addresses/{medium}/send-code - - + - - -   -   -
    POST /v1/recipients/{person_id}/addresses/{medium}/verify - - +    -     -    -   -   -
    GET /v1/recipients/{person_id}/test-messages  -    -     0    -     0    -   0   0
    POST /v1/recipients/{person_id}/test-messages -    -     +    -     -    -   -   -
    POST /v1/recipients/{person_id}/devices       -    -     +    -     -    -   -   -
    GET /v1/recipients/{person_id}/devices        -    -     +    -     +    -   +   +
    DELETE /v1/recipients/{person_id}/devices/{device_id}  -    -     0    -     0    -   0   0
    POST /v1/callbacks/email/reports              +    +     -    -     -    -   -   +
    PUT /v1/status-webhooks/{source}                       +    -     -    -     -    -   +   +
    GET /v1/status-webhooks/{source}                       +    -     -    -     -    -   +   +
    GET /v1/status-webhooks                                +    +     -    -     -    -   +   +
    POST /v1/status-webhooks/{source}/test                 +    -     -    -     -    -   +   +
    POST /v1/status-webhooks/{source}/rotate-secret        +    -     -    -     -    -   +   +
    POST /v1/status-webhooks/{source}/replay               +    -     -    -     -    -   +   +
    GET /v1/status-webhooks/{source}/deliveries            +    -     -    -     -    -   +   +
    DELETE /v1/status-webhooks/{source}                    +    -     -    -     -    -   +   +
    PUT /v1/write-backs/{kind}/{connection}       -    -     -    -     -    -   +   +
    GET /v1/write-backs/{kind}/{connection}       -    -     -    -     -    -   0   0
    GET /v1/write-backs                           -    -     -    -     -    -   +   +
    DELETE /v1/write-backs/{kind}/{connection}    -    -     -    -     -    -   0   0
    POST /v1/write-backs/{kind}/{connection}/test -    -     -    -     -    -   0   0
    GET /v1/write-backs/{kind}/{connection}/writes - - - - - - 0 0
    POST /v1/write-backs/{kind}/{connection}/writes/{write_id}/retry - - - - - - 0 0
    GET /v1/templates                             -    -     -    -     -    -   +   +
    POST /v1/templates/preview                    -    -     -    -     -    -   +   +
    GET /v1/templates/{medium}/{reason}/{language}  -    -     -    -     -    -   +   +
    PUT /v1/templates/{medium}/{reason}/{language}  -    -     -    -     -    -   +   +
    DELETE /v1/templates/{medium}/{reason}/{language} -  -     -    -     -    -   +   +
    GET /v1/templates/{medium}/{reason}/{language}/versions - - - - - - + +
    POST /v1/templates/{medium}/{reason}/{language}/versions/{version}/restore - - - - - - 0 0
    GET /v1/recipients/{person_id}/stopped-mails  -    -     +    -     +    -   +   +
    PUT /v1/recipients/{person_id}/stopped-mails  -    -     +    -     +    -   +   +
"""
_CALLERS: Final = ("shop", "kiosk", "rita", "bruno", "sara", "sam", "mia", "ops")
MATRIX: Final[Mapping[str, list[Row]]] = {
    "intake": parse_rows(_CALLERS, _INTAKE, _EVERY_SERVICE),
    "router": parse_rows(_CALLERS, _ROUTER, _EVERY_SERVICE),
    "escalation": parse_rows(_CALLERS, _ESCALATION, _EVERY_SERVICE),
    "notifier": parse_rows(_CALLERS, _NOTIFIER, _EVERY_SERVICE),
}
