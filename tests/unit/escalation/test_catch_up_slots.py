"""Who reconnects all the time keeps no other caller's screen waiting."""

import asyncio

from escalation.stream.limit import CatchUpSlots


async def is_free(slots: CatchUpSlots, caller: str) -> bool:
    try:
        async with asyncio.timeout(0.01), slots.take(caller):
            return True
    except TimeoutError:
        return False


async def test_caller_with_all_own_slots_in_use_leaves_the_others_to_everybody_else() -> None:
    slots = CatchUpSlots(slots=3, per_caller=2)
    async with slots.take("mallory"):
        assert await is_free(slots, "mallory")
        async with slots.take("mallory"):
            assert not await is_free(slots, "mallory")
            assert await is_free(slots, "sara")
    assert await is_free(slots, "mallory")


async def test_slots_in_all_are_bounded_and_are_free_again() -> None:
    slots = CatchUpSlots(slots=2, per_caller=2)
    for _ in range(3):
        async with slots.take("sara"), slots.take("marco"):
            assert not await is_free(slots, "dora")
        assert await is_free(slots, "dora")
