"""A new key encrypts the credentials that an old one encrypted."""

from datetime import timedelta
from functools import partial

from cryptography.fernet import Fernet

from common.core.sealed_secrets import SecretBox
from integration.notifier.conftest import ServiceHarness, key, open_api
from integration.notifier.write_back_examples import (
    ZENDESK,
    EscalatedCase,
    has_refused,
    set_up,
    write_back_settings,
)
from notifier.commands.rotate_key import rotate_secrets
from support.case_systems import ZendeskStandIn
from support.service_harness import ENCRYPTION_KEY
from support.waiting import until


async def test_credentials_are_decrypted_by_the_new_key_alone(harness: ServiceHarness) -> None:
    url, new_key = "http://127.0.0.1:9", Fernet.generate_key().decode()
    await set_up(harness, url)
    rotation = await rotate_secrets(harness.database, SecretBox(new_key, ENCRYPTION_KEY))
    assert (rotation.secrets, rotation.unreadable) == (1, [])
    (row,) = await harness.rows("SELECT credentials FROM write_backs")
    assert "api_token" in SecretBox(new_key).open(row.credentials)


async def test_credentials_that_no_key_decrypts_are_named(harness: ServiceHarness) -> None:
    await set_up(harness, "http://127.0.0.1:9")
    rotation = await rotate_secrets(harness.database, SecretBox(Fernet.generate_key().decode()))
    assert (rotation.secrets, rotation.unreadable) == (0, ["write-back zendesk:acme"])


async def test_credentials_that_no_key_decrypts_halt_the_write_back(
    harness: ServiceHarness,
) -> None:
    await harness.add_recipient("operations", "email")
    async with ZendeskStandIn() as zendesk:
        await set_up(harness, zendesk.url)
        settings = write_back_settings(zendesk.url)
        settings["encryption_keys"] = Fernet.generate_key().decode()
        async with open_api(harness, **settings) as api:
            checked = (await api.post(f"{ZENDESK}/test", headers=key("mona"))).json()
        async with harness.delivering(**settings):
            await harness.handle(EscalatedCase().raised())
            for refusals in (1, 2):
                await until(partial(has_refused, harness, refusals))
                harness.advance(timedelta(minutes=2))
            await until(lambda: harness.mail.messages)
        assert zendesk.calls == []
    assert "UPSTAIRS_ENCRYPTION_KEYS" in checked["reason"]
