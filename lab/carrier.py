"""A carrier whose callees answer after a second, hear the notice, and press the last digit of their number."""

import asyncio
from contextlib import suppress

from lab.place import Address, Place
from lab.sip import Call, CallEnded, UserAgent

KEYS = {"1": "1", "2": "2", "9": "9"}
RING_S = 1.0
QUESTION_AFTER_S = 9.0
"""By then the question is being asked, in every language."""


async def main(place: Place) -> None:
    """The carrier of a lab."""
    await serve(place.carrier)


async def serve(address: Address) -> None:
    """Answer calls until cancelled."""
    async with UserAgent(*address, user="carrier", on_invite=_answer):
        await asyncio.Event().wait()


async def _answer(call: Call) -> None:
    now = asyncio.get_running_loop().time
    await call.ring()
    await asyncio.sleep(RING_S)
    with suppress(CallEnded, TimeoutError):
        await call.answer()
        call.tone(440, -25)
        key = KEYS.get(call.dialog.local.partition("@")[0][-1:])
        if key is not None:
            asked = now() + QUESTION_AFTER_S
            await call.until(lambda: now() > asked, 30, "the question")
            await call.press(key)
        await call.until_ended(3600)
