"""The lab's telephones: small, exact SIP user agents over UDP, whose every call can be driven and then looked into.

They exist because the promises are about what reaches the far end: which INVITE, which sound, which key, and when.
The subset: RFC 3261 over UDP without authentication, one audio stream by RFC 3264 with G.711, keys by RFC 4733, INFO or
in band, hold by re-INVITE. No forking, no 100rel, no names: every address is an IPv4 address.

    agent = UserAgent("127.0.0.2", user="brussels")
    async with agent:
        call = await agent.dial("32460000001", ("127.0.0.1", 5060))
        await call.until_answered(10)
        call.tone(440)
        await call.press("1")
        await call.hangup()
"""

from lab.sip.agent import UserAgent
from lab.sip.call import Call
from lab.sip.facts import By, CallEnded, Ended, Invite, Refused, Reply
from lab.sip.media import MediaError
from lab.sip.message import BadMessage, Unsendable
from lab.sip.rtp import Digit

__all__ = [
    "BadMessage",
    "By",
    "Call",
    "CallEnded",
    "Digit",
    "Ended",
    "Invite",
    "MediaError",
    "Refused",
    "Reply",
    "Unsendable",
    "UserAgent",
]
