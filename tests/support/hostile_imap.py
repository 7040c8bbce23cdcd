"""An IMAP server that does what no honest one does."""

import base64
import json
import re
import socketserver
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

HANG: Final = b"hang"
CLOSE: Final = b"close"
DRIP: Final = b"drip"

_POLITE: Final[Mapping[str, bytes]] = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n{tag} OK done\r\n",
    "LOGIN": b"{tag} OK done\r\n",
    "SELECT": b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 4]\r\n{tag} OK done\r\n",
    "UID SEARCH": b"* SEARCH 1 2 3\r\n{tag} OK done\r\n",
    "UID FETCH": (
        b'* 1 FETCH (UID {uid} RFC822.SIZE 60 INTERNALDATE "28-Nov-2026 10:00:00 +0000" '
        b"BODY[]<0> {{63}}\r\nFrom: a@b.example\r\nMessage-ID: <m-{uid}@b.example>\r\n\r\n"
        b"Hello, again.)\r\n{tag} OK done\r\n"
    ),
    "LOGOUT": b"* BYE bye\r\n{tag} OK done\r\n",
}


@dataclass
class HostileServer:
    """`replies` replace the polite ones, by the beginning of a command or `greeting`.

    They may hold `{tag}` and `{uid}`; HANG says nothing, CLOSE ends the connection, DRIP sends a
    byte now and then, without end. What `gates` name is answered once its event is set.
    """

    replies: Mapping[str, bytes]
    gates: Mapping[str, threading.Event] = field(default_factory=dict)
    port: int = 0
    sessions: int = 0
    # The access tokens that XOAUTH2 takes, and what it was shown.
    tokens: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    # A command came whose answer waits.
    command_came: threading.Event = field(default_factory=threading.Event)

    def serve(self, handler: socketserver.StreamRequestHandler) -> None:
        self.sessions += 1
        with suppress(OSError):
            if not self._send(handler, self.replies.get("greeting", b"* OK hello\r\n")):
                return
            while line := handler.rfile.readline():
                tag, _, command = line.decode().strip().partition(" ")
                for begin, may_answer in self.gates.items():
                    if command.startswith(begin):
                        self.command_came.set()
                        may_answer.wait(60)
                if command == "AUTHENTICATE XOAUTH2" and command not in self.replies:
                    self._check_token(handler, tag)
                    continue
                if not self._send(handler, self._reply(tag, command)):
                    return

    def _check_token(self, handler: socketserver.StreamRequestHandler, tag: str) -> None:
        """Do as Google and Microsoft: a refusal is a challenge that is answered by nothing."""
        handler.wfile.write(b"+ \r\n")
        written = base64.b64decode(handler.rfile.readline()).decode()
        match = re.fullmatch("user=([^\x01]+)\x01auth=Bearer ([^\x01]+)\x01\x01", written)
        assert match, written
        self.shown.append(match[2])
        if match[2] in self.tokens:
            handler.wfile.write(f"{tag} OK done\r\n".encode())
            return
        reason = json.dumps({"status": "400", "schemes": "Bearer", "scope": match[2]})
        handler.wfile.write(b"+ " + base64.b64encode(reason.encode()) + b"\r\n")
        assert handler.rfile.readline().strip() == b""
        handler.wfile.write(f"{tag} NO AUTHENTICATE failed {match[2]}\r\n".encode())

    def _reply(self, tag: str, command: str) -> bytes:
        replies = {**_POLITE, **self.replies}
        names = sorted(replies, key=len, reverse=True)
        named = [replies[name] for name in names if command.startswith(name)]
        reply, *_ = [*named, b"{tag} OK done\r\n"]
        uid = re.search(r"\d+", command)
        reply = reply.replace(b"{tag}", tag.encode())
        reply = reply.replace(b"{uid}", (uid[0] if uid else "0").encode())
        return reply.replace(b"{{", b"{").replace(b"}}", b"}")

    def _send(self, handler: socketserver.StreamRequestHandler, reply: bytes) -> bool:
        """Return whether the session goes on."""
        if reply == HANG:
            self.ended.wait(60)
        while reply == DRIP and not self.ended.is_set():
            handler.wfile.write(b"*")
            time.sleep(0.05)
        if reply in (HANG, CLOSE, DRIP):
            return False
        handler.wfile.write(reply)
        return True


@contextmanager
def hostile_server(
    replies: Mapping[str, bytes], gates: Mapping[str, threading.Event] | None = None
) -> Iterator[HostileServer]:
    hostile = HostileServer(replies, gates or {})

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            hostile.serve(self)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        hostile.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hostile
        finally:
            hostile.ended.set()
            server.shutdown()
            thread.join()
