"""Whether a person who asks for access or erasure may be called back, to see that the number is theirs.

Whoever writes in may name another's number, or one that earns money by being called. So only a number is called back
that this controller's calls reached lately, once a day whoever asks, and only a line that costs what any other does
(GDPR Art. 12(6): what is needed to confirm the identity, and no more).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from callgate.core.refusals import Refusal, Refused

LATELY = timedelta(days=30)
ONCE_IN = timedelta(days=1)
ORDINARY = frozenset({"fixed", "mobile", "fixed-or-mobile", "voip"})
"""The kinds of line (`phone.Number.kind`) that cost what any other does."""


class NoCallBack(Refused, ValueError):
    """The number is not called back; the message says why, and never which."""


def may_call_back(kind: str, called: Iterable[datetime], called_back: Iterable[datetime], now: datetime) -> None:
    """`called`: when calls for this controller went to the number; `called_back`: earlier call-backs, anybody's.

    Raises `NoCallBack`.
    """
    if kind not in ORDINARY:
        raise NoCallBack(Refusal.NEVER_CALLED_BACK, kind=kind)
    if not any(now - LATELY <= at <= now for at in called):
        raise NoCallBack(Refusal.NOT_CALLED, days=LATELY.days)
    if any(at > now - ONCE_IN for at in called_back):
        raise NoCallBack(Refusal.CALLED_BACK_ALREADY)
