"""Gives the app a request's body that a middleware has read already."""

from starlette.types import Message, Receive


def give_again(body: bytes, receive: Receive) -> Receive:
    """Return what the app calls to receive: the whole body first, then what `receive` returns."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_whole() -> Message:
        return whole.pop() if whole else await receive()

    return receive_whole
