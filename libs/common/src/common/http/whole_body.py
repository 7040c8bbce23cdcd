"""A request whose body a middleware has read, for the app behind it."""

from starlette.types import Message, Receive


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the whole body first."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return whole.pop() if whole else await receive()

    return receive_again
