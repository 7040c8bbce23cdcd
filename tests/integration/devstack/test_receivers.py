"""A receiver separates accepted messages from refused ones."""

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
    ids=["accepted", "lost response", "rate limited", "server error", "refused"],
)
async def test_only_delivered_messages_are_accepted(answer: Answer, accepted: bool) -> None:  # noqa: FBT001 - a parameter
    async with SlackReceiver() as slack, httpx.AsyncClient(trust_env=False) as caller:
        slack.answers.append(answer)
        if answer is LOST:
            with pytest.raises(httpx.RemoteProtocolError):
                await caller.post(f"{slack.url}/chat.postMessage", json={})
        else:
            await caller.post(f"{slack.url}/chat.postMessage", json={})
        assert [call.accepted for call in slack.requests] == [accepted]
