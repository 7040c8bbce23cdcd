"""The console's people: they can sign in once the services have heard of them."""

from collections.abc import Iterable

import httpx

from support.waiting import until


async def wait_until_admitted(url: str, people: Iterable[str]) -> None:
    """Wait until each person gets the first page: every service learns by event who they are."""
    async with httpx.AsyncClient(
        base_url=url,
        headers={"Sec-Fetch-Site": "same-origin"},
        follow_redirects=True,
        trust_env=False,
        timeout=60,
    ) as browser:
        for person in people:

            async def enter(person: str = person) -> bool:
                return (await browser.post("/enter", data={"person": person})).is_success

            await until(enter, within=120)
