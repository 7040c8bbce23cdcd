"""Texts of customers that are read per second: do they ask for a supervisor?"""

import re
from typing import Final

from bench.isolated import run_isolated
from bench.summary import Figures
from common.core.clock import monotonic
from intake.domain.understanding.supervisor_request import read_request
from stage.centre.matters import MATTERS, SUPERVISOR_REQUESTS

# One text of so many asks for a supervisor: far more than in any real centre.
_ASKING_EVERY: Final = 10
_REFERENCE_WORD: Final = re.compile(r"\w+")


class MissedRequestsError(Exception):
    """A text that asks for a supervisor was not read as one."""


async def texts_per_s(texts: int) -> Figures:
    return (await run_isolated(_measure, texts)).figures


async def _measure(count: int) -> Figures:
    texts = _texts(count)
    # The words of the first texts are known then, as in a service that has run for a minute.
    for text in texts[: count // 10]:
        read_request(text)
    begun = monotonic()
    asking = sum(read_request(text).is_sure for text in texts)
    seconds = monotonic() - begun
    if asking < count // _ASKING_EVERY:
        raise MissedRequestsError
    begun = monotonic()
    for text in texts:
        _REFERENCE_WORD.findall(text.lower())
    reference_s = monotonic() - begun
    return {
        "classifier_texts": count,
        "classifier_texts_per_s": count / seconds,
        "classifier_reference_per_s": count / reference_s,
        "classifier_over_reference": reference_s / seconds,
    }


def _texts(count: int) -> list[str]:
    usual = [text for matter in MATTERS for text in (matter.text, matter.answer)]
    requests = list(SUPERVISOR_REQUESTS.values())
    return [
        requests[place % len(requests)] if place % _ASKING_EVERY == 0 else usual[place % len(usual)]
        for place in range(count)
    ]
