"""What representatives read of contacts and of each other."""

import httpx

from integration.router.conftest import RouterHarness, key
from integration.router.test_api import hire, offered


async def test_representative_sees_contacts_that_were_theirs_without_reasons_of_colleagues(
    api: httpx.AsyncClient, harness: RouterHarness
) -> None:
    path = await offered(api, harness)
    assert (await api.get(path, headers=key("sam"))).status_code == 404
    await api.post(f"{path}/decline", json={"reason": "I know her."}, headers=key("rita"))
    await hire(api, "sam", auto_accept=True)
    referral = {"reason": "Above my limit."}
    assert (await api.post(f"{path}/refer", json=referral, headers=key("sam"))).status_code == 200
    mine = (await api.get(path, headers=key("sam"))).json()
    hers = (await api.get(path, headers=key("rita"))).json()
    all_of_it = (await api.get(path)).json()
    texts = {
        reader: [entry["text"] for entry in shown["history"]]
        for reader, shown in (("sam", mine), ("rita", hers), ("mia", all_of_it))
    }
    declined, referred = "Declined by rita", "Referred to a supervisor by sam"
    reasons = {f"{declined}: I know her.", f"{referred}: Above my limit."}
    assert reasons <= set(texts["mia"])
    assert {declined, f"{referred}: Above my limit."} <= set(texts["sam"])
    assert {f"{declined}: I know her.", referred} <= set(texts["rita"])
    referrals = [shown["referral"] for shown in (mine, hers, all_of_it)]
    assert referrals == ["Above my limit.", None, "Above my limit."]
    late = await api.post(f"{path}/accept", headers=key("rita"))
    assert (late.status_code, late.json()["type"]) == (403, "urn:upstairs:problem:not-yours")
    assert "sam" not in late.text


async def test_colleagues_do_not_read_why_somebody_is_away(api: httpx.AsyncClient) -> None:
    await hire(api)
    away = {"presence": "away", "reason": "doctor"}
    await api.put("/v1/representatives/rita/presence", json=away, headers=key("rita"))
    for reader, reason in (("rita", "doctor"), ("mia", "doctor"), ("sam", None)):
        shown = await api.get("/v1/representatives/rita", headers=key(reader))
        listed = await api.get("/v1/representatives", headers=key(reader))
        assert shown.json()["presence_reason"] == reason
        assert listed.json()["items"][0]["presence_reason"] == reason
