"""What a receiver took is told apart from what it was only asked."""

import httpx
import pytest

from devstack.receivers import LOST, OK, Answer, SlackReceiver, failing, rate_limited, refusing


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (OK, True),
        (LOST, True),
        (rate_limited(1), False),
        (failing(), False),
        (refusing("no"), False),
    ],
    ids=["taken", "lost", "later", "broken", "refused"],
)
async def test_only_what_it_took_counts_as_accepted(answer: Answer, accepted: bool) -> None:  # noqa: FBT001 - a parameter
    async with SlackReceiver() as slack, httpx.AsyncClient(trust_env=False) as caller:
        slack.answers.append(answer)
        if answer is LOST:
            with pytest.raises(httpx.RemoteProtocolError):
                await caller.post(f"{slack.url}/chat.postMessage", json={})
        else:
            await caller.post(f"{slack.url}/chat.postMessage", json={})
        assert [one.accepted for one in slack.requests] == [accepted]
