"""The requests that `make run` prints for a newcomer to copy."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stage.actors import Actors
from stage.system import System

# Stands for the id that the first request returns.
CONTACT = "$CONTACT"


@dataclass(frozen=True)
class FirstRequest:
    title: str
    person: str
    service: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None


CREATE = FirstRequest(
    "Create a contact as the channel. Nobody answers it in time, so Sara is paged after 3 s",
    "shop",
    "intake",
    "POST",
    "/contacts",
    {
        "channel": "chat",
        "customer": {"customer_id": "c-1", "name": "Ada Lovelace"},
        "subject": "Charged twice",
        "topic": "returns",
        "text": "Charged twice for one order.",
    },
)
FIRST_REQUESTS = (
    CREATE,
    FirstRequest(
        "See its clocks and deadlines as the supervisor",
        "sara",
        "escalation",
        "GET",
        f"/contacts/{CONTACT}/clocks",
    ),
    FirstRequest(
        "List the escalations as the supervisor", "sara", "escalation", "GET", "/escalations"
    ),
    FirstRequest(
        "See its state as the channel, before and after Sara presses Acknowledge in her message",
        "shop",
        "intake",
        "GET",
        f"/contacts/{CONTACT}",
    ),
)


def curl(request: FirstRequest, system: System, actors: Actors) -> str:
    """Return a shell command; the first request also sets the variable `CONTACT`."""
    words = [
        "curl -s",
        *(() if request.method == "GET" else ("-X", request.method)),
        f"-H 'Authorization: Bearer {actors.key(request.person)}'",
    ]
    if request.body is not None:
        words += [
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(json.dumps(request.body))}",
        ]
    command = " ".join([*words, f'"{system.url(request.service)}/v1{request.path}"'])
    if request is CREATE:
        read_id = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"contact_id\"])'"
        return f"CONTACT=$({command} | {read_id}); echo $CONTACT"
    return command
