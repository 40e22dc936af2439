"""A phone or a carrier in a container.

    python -m lab.phone agent HOST PBX NUMBER…
    python -m lab.phone carrier HOST

The agent dials each number in turn, says what came of it in a line of JSON, talks for three seconds where somebody
answers, and ends with exit code 0.
"""

import asyncio
import json
import sys
from contextlib import suppress

from lab import audio, carrier
from lab.place import Address
from lab.sip import Call, CallEnded, UserAgent

TALK_S = 3.0


async def agent(host: str, pbx: str, *numbers: str) -> None:
    """Dial each number."""
    async with UserAgent(host, 5060, user="brussels") as phone:
        for number in numbers:
            call = await phone.dial(number, (pbx, 5060))
            print(json.dumps({"dialled": number, **await _outcome(call)}), flush=True)


async def _outcome(call: Call) -> dict[str, object]:
    try:
        await call.until_answered(40)
    except CallEnded as refused:
        told = bool(audio.speech_spans(call.heard_early()))
        return {"answered": False, "status": refused.ended.status, "told_why": told}
    call.tone(1500)
    with suppress(CallEnded, TimeoutError):
        await call.until_hears(440, TALK_S)
    heard = audio.has_tone(call.heard(), 440)
    now = asyncio.get_running_loop().time
    end = now() + TALK_S
    with suppress(CallEnded):
        await call.until(lambda: now() > end, TALK_S + 1, "the end of the talk")
    await call.hangup()
    return {"answered": True, "heard_callee": heard}


def main(words: list[str]) -> int:
    """Be what the first word says."""
    match words:
        case ["carrier", host]:
            asyncio.run(carrier.serve(Address(host, 5060)))
        case ["agent", host, pbx, *numbers] if numbers:
            asyncio.run(agent(host, pbx, *numbers))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
