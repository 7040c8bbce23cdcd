"""Faults of Slack and of the mail server."""

import asyncio

from chaos.context import Context
from chaos.faults.registry import fault
from devstack.receivers import HANGS, LOST_RESPONSE, OK, SlackAnswer, rate_limited, server_error

FAULT_S = 6


@fault("receiver")
async def slack_hangs(context: Context) -> None:
    await _answer_with(context, HANGS)


@fault("receiver")
async def slack_asks_to_wait(context: Context) -> None:
    await _answer_with(context, rate_limited(2))


@fault("receiver")
async def receivers_fail(context: Context) -> None:
    mail = context.under_test.system.receivers.mail
    mail.answer = "451 Try again later"
    try:
        await _answer_with(context, server_error())
    finally:
        mail.answer = "250 OK"


@fault("receiver")
async def slack_accepts_without_an_answer(context: Context) -> None:
    await _answer_with(context, LOST_RESPONSE)


async def _answer_with(context: Context, answer: SlackAnswer) -> None:
    slack = context.under_test.system.receivers.slack
    before = len(slack.requests)
    slack.otherwise = answer
    try:
        await asyncio.sleep(FAULT_S)
    finally:
        slack.otherwise = OK
    context.note(f"{len(slack.requests) - before} calls")
