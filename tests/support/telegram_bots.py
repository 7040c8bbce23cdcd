"""The Bot API of Telegram in tests, which refuses what the real one refuses."""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from support.loopback_server import LoopbackServer

_TOKEN: Final = "123456789:ABCdefghijklmnopqrstuvwxyz012345678"
_CHAT: Final = "12345"
# As people enter it for apprise.
CHAT_URL: Final = f"tgram://{_TOKEN}/{_CHAT}"
_LONGEST_TEXT: Final = 4096


@dataclass(frozen=True)
class TelegramError:
    status: int
    description: str


class TelegramBots(LoopbackServer):
    """`messages` are those that its one chat shows; the next call gets `errors`, one each."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.errors: list[TelegramError] = []
        app = web.Application()
        app.router.add_post("/bot{token}/sendMessage", self._take)
        super().__init__(app, "/bot")

    async def _take(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != _TOKEN:
            return _refuse(TelegramError(401, "Unauthorized"))
        message = await request.json()
        if self.errors:
            return _refuse(self.errors.pop(0))
        if str(message["chat_id"]) != _CHAT:
            return _refuse(TelegramError(400, "Bad Request: chat not found"))
        if not 0 < len(message["text"]) <= _LONGEST_TEXT:
            return _refuse(TelegramError(400, "Bad Request: message is too long"))
        self.messages.append(message)
        return web.json_response({"ok": True, "result": {"message_id": len(self.messages)}})


def _refuse(error: TelegramError) -> web.Response:
    body = {"ok": False, "error_code": error.status, "description": error.description}
    return web.json_response(body, status=error.status)
