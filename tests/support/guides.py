"""Replays a guide: runs its `sh` blocks in order and compares the `http` blocks after them.

Every curl of a block has its answer in the `http` block that follows. A shown answer is a part of
the actual one: fields and headers that it leaves out may be there. In texts `…` stands for
anything, an id or a key for any other one, but the same everywhere; a time stands for any time.
"""

import asyncio
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, assert_never

import httpx
from markdown_it import MarkdownIt
from markdown_it.token import Token

from stage.inbox import Button, Inbox
from support.waiting import until

_STATUS_LINE = re.compile(r"^HTTP/[\d.]+ (\d{3}).*\n?", re.MULTILINE)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::[\d.]+)?(?:Z|[+-]\d\d:\d\d)")
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = r"ups_[0-9a-f]{12}_[\w…-]+"
_PLACEHOLDER = re.compile(rf"({_KEY}|{_UUID}|…)")
_PRESS = re.compile(r"<!-- test: press (.+) in (\w+) -->")
_SHELL = 'curl() { command curl --silent --show-error --include --max-time 20 "$@"; echo; }\n'


class GuideError(AssertionError):
    """The guide says something else than the system."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Request:
    """The commands of a block, and the answers that the guide shows."""

    line: int
    script: str
    answers: tuple[Answer, ...] = ()

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent until the answer is as shown: events take a moment."""
        commands = self.script.split("curl ")[1:]
        return not any("-X POST" in each or _posts_by_default(each) for each in commands)


@dataclass(frozen=True)
class Press:
    """A button that the reader presses on the page of messages; an HTML comment names it."""

    line: int
    label: str
    recipient: str


Step = Request | Press


def _posts_by_default(command: str) -> bool:
    return "-X " not in command and re.search(r"(--json|-d) ", command) is not None


def read_steps(guide: str) -> list[Step]:
    """Raises GuideError for a request without its answer, and for one outside of a `sh` block."""
    steps: list[Step] = []
    for token in MarkdownIt("commonmark").parse(guide):
        line = token.map[0] + 1 if token.map else 0
        match token.type, token.info.strip():
            case "fence", "sh":
                steps.append(Request(line, token.content))
            case "fence", "http":
                steps.append(_with_answers(steps.pop() if steps else None, token, line))
            case (("fence" | "code_block"), _) if "curl " in token.content:
                raise GuideError(f"line {line}: a request must be in a block of `sh`")
            case "html_block", _ if press := _PRESS.search(token.content):
                steps.append(Press(line, press[1], press[2]))
            case _:
                pass
    for step in steps:
        if isinstance(step, Request) and step.script.count("curl ") != len(step.answers):
            raise GuideError(f"line {step.line}: each request needs its answer")
    return steps


def _with_answers(step: Step | None, token: Token, line: int) -> Request:
    if not isinstance(step, Request) or step.answers:
        raise GuideError(f"line {line}: an answer must follow its request")
    return Request(step.line, step.script, read_answers(token.content))


def read_answers(text: str) -> tuple[Answer, ...]:
    """Read what `curl --include` prints."""
    parts = _STATUS_LINE.split(text.replace("\r\n", "\n"))[1:]
    return tuple(
        _read_answer(int(status), content)
        for status, content in zip(parts[::2], parts[1::2], strict=True)
    )


def _read_answer(status: int, content: str) -> Answer:
    lines = iter(content.splitlines())
    headers: dict[str, str] = {}
    for line in lines:
        if not line.strip():
            break
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = "\n".join(lines).strip()
    return Answer(status, headers, json.loads(body) if body else None)


@dataclass
class Comparison:
    """`ids` maps the ids and keys that the guide shows to the actual ones."""

    ids: dict[str, str] = field(default_factory=dict)

    def differences(self, shown: Answer, actual: Answer) -> Iterator[str]:
        if shown.status != actual.status:
            yield f"status: {actual.status} instead of {shown.status}: {actual.body}"
            return
        yield from self._differences(shown.headers, actual.headers, "headers")
        if shown.body is not None:
            yield from self._differences(shown.body, actual.body, "body")

    def _differences(self, shown: Any, actual: Any, place: str) -> Iterator[str]:
        match shown, actual:
            case dict(), dict():
                for name, value in shown.items():
                    if name in actual:
                        yield from self._differences(value, actual[name], f"{place}/{name}")
                    else:
                        yield f"{place}/{name}: is missing"
            case list(), list() if len(shown) == len(actual):
                for number, pair in enumerate(zip(shown, actual, strict=True)):
                    yield from self._differences(*pair, f"{place}/{number}")
            case str(), str() if self._matches(shown, actual):
                pass
            case _ if shown != actual:
                yield f"{place}: {actual!r} instead of {shown!r}"
            case _:
                pass

    def _matches(self, shown: str, actual: str) -> bool:
        if _TIME.fullmatch(shown):
            return _TIME.fullmatch(actual) is not None
        parts = _PLACEHOLDER.split(shown)
        match = re.fullmatch("".join(self._pattern(part) for part in parts), actual, re.DOTALL)
        if match is None:
            return False
        new_ids = [part for part in parts if part != "…" and _is_new_id(part, self.ids)]
        self.ids.update(zip(dict.fromkeys(new_ids), match.groups(), strict=False))
        return True

    def _pattern(self, part: str) -> str:
        if part == "…":
            return ".*"
        if _is_new_id(part, self.ids):
            return f"({_KEY if part.startswith('ups_') else _UUID})"
        return re.escape(self.ids.get(part, part))


def _is_new_id(part: str, ids: Mapping[str, str]) -> bool:
    return _PLACEHOLDER.fullmatch(part) is not None and part not in ids


@dataclass
class Shell:
    """A shell whose variables last from one script to the next, in the file `variables`."""

    variables: Path

    async def run(self, script: str) -> str:
        variables = shlex.quote(str(self.variables))
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-euo",
            "pipefail",
            "-c",
            f"set -a; . {variables}; {_SHELL}\n{script}\nexport -p > {variables}",
            env={"PATH": os.environ["PATH"], "no_proxy": "127.0.0.1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        if process.returncode:
            raise GuideError(f"{script}\nends with {process.returncode}: {errors.decode()}")
        return output.decode()


@dataclass
class Replay:
    """Does what the guide says, as its reader would."""

    shell: Shell
    inbox: Inbox
    comparison: Comparison = field(default_factory=Comparison)

    async def take(self, step: Step) -> None:
        """Raises GuideError, or AssertionError if the answer is not as shown within a minute."""
        match step:
            case Press():
                await self._press(step)
            case Request(is_repeatable=True):
                await until(lambda: self._differences(step), lambda differences: not differences)
            case Request():
                if differences := await self._differences(step):
                    raise GuideError("\n".join(differences))
            case _:
                assert_never(step)

    async def _differences(self, request: Request) -> list[str]:
        script = request.script
        for shown, actual in self.comparison.ids.items():
            script = script.replace(shown, actual)
        answers = read_answers(await self.shell.run(script))
        attempt = Comparison(dict(self.comparison.ids))
        differences = [
            f"line {request.line}: {difference}"
            for shown, actual in zip(request.answers, answers, strict=True)
            for difference in attempt.differences(shown, actual)
        ]
        if not differences:
            self.comparison = attempt
        return differences

    async def _press(self, press: Press) -> None:
        button = await until(lambda: self._find_button(press))
        assert button is not None
        form = {"action_id": button.action_id, "value": button.value}
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.post(f"{self.inbox.url}/press", data=form)
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise GuideError(f"line {press.line}: {answer.text}")

    def _find_button(self, press: Press) -> Button | None:
        buttons = (
            button
            for message in self.inbox.messages()
            if message.recipient == press.recipient
            for button in message.buttons
        )
        return next((button for button in buttons if button.label == press.label), None)
