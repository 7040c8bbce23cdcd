"""Who opens a link that is not taken reads why, in their own language."""

from datetime import timedelta

import httpx

from common.contracts.event import NotificationId
from common.core.ids import new_id
from integration.notifier.conftest import LINK_SECRET, ServiceHarness, paged
from integration.notifier.examples import BROWSER, sent
from notifier.links import Links


async def test_page_of_a_refused_link_is_in_the_language_of_its_reader(
    harness: ServiceHarness, api: httpx.AsyncClient
) -> None:
    (link,) = await sent(harness, paged("dana"))
    await harness.execute("UPDATE notifications SET language = 'de'")
    french = {**BROWSER, "Accept-Language": "pl, fr-CA;q=0.8, en;q=0.3"}
    harness.advance(timedelta(hours=25))
    expired = await api.get(link, headers=french)
    assert (expired.status_code, '<html lang="de">' in expired.text) == (410, True)
    assert "Dieser Link ist abgelaufen." in expired.text
    # Nobody knows whose they are.
    links = Links(LINK_SECRET, "", timedelta(hours=99))
    unknown = links.url(NotificationId(new_id()), "show", 1)
    for path in (link + "x", unknown):
        assert '<html lang="fr">' in (await api.get(path, headers=french)).text
    polish = await api.get(link + "x", headers={**BROWSER, "Accept-Language": "pl"})
    assert '<html lang="en">' in polish.text
