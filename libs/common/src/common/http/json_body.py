"""Reads the JSON of a request body, the same wherever one is read."""

import json
from json import JSONDecodeError
from typing import Any, NoReturn

import orjson


def parse_json(body: bytes) -> Any:
    """Return the content; raises JSONDecodeError.

    It takes two things that orjson refuses, halves of surrogate pairs and long numbers, so that the
    field's type says what is wrong.
    """
    try:
        return orjson.loads(body)
    except JSONDecodeError as error:
        refusal = error
    try:
        # As text: of bytes it would also take UTF-16, and a byte order mark.
        return json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise refusal from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
