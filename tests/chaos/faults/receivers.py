"""Slack and the mail server, when they do not do what they should."""

import asyncio

from chaos.faults.catalogue import fault
from chaos.scene import Scene
from devstack.receivers import HANGS, LOST, OK, Answer, failing, rate_limited

FAULT_S = 6


@fault("receiver")
async def slack_hangs(scene: Scene) -> None:
    await _answering(scene, HANGS)


@fault("receiver")
async def slack_asks_to_wait(scene: Scene) -> None:
    await _answering(scene, rate_limited(2))


@fault("receiver")
async def receivers_fail(scene: Scene) -> None:
    mail = scene.world.system.receivers.mail
    mail.answer = "451 Try again later"
    try:
        await _answering(scene, failing())
    finally:
        mail.answer = "250 OK"


@fault("receiver")
async def slack_takes_it_and_does_not_say_so(scene: Scene) -> None:
    await _answering(scene, LOST)


async def _answering(scene: Scene, answer: Answer) -> None:
    slack = scene.world.system.receivers.slack
    before = len(slack.requests)
    slack.otherwise = answer
    try:
        await asyncio.sleep(FAULT_S)
    finally:
        slack.otherwise = OK
    scene.say(f"{len(slack.requests) - before} calls")
