"""A receiver separates accepted messages from refused ones."""

import httpx
import pytest

from devstack.receivers import (
    LOST_RESPONSE,
    OK,
    SlackAnswer,
    SlackReceiver,
    rate_limited,
    server_error,
    slack_error,
)


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (OK, True),
        (LOST_RESPONSE, True),
        (rate_limited(1), False),
        (server_error(), False),
        (slack_error("no"), False),
    ],
    ids=["accepted", "lost response", "rate limited", "server error", "refused"],
)
async def test_only_delivered_messages_are_accepted(answer: SlackAnswer, accepted: bool) -> None:
    async with SlackReceiver() as slack, httpx.AsyncClient(trust_env=False) as caller:
        slack.answers.append(answer)
        if answer is LOST_RESPONSE:
            with pytest.raises(httpx.RemoteProtocolError):
                await caller.post(f"{slack.url}/chat.postMessage", json={})
        else:
            await caller.post(f"{slack.url}/chat.postMessage", json={})
        assert [call.accepted for call in slack.requests] == [accepted]
