"""Whether a person who asks for access or erasure may be called back, to see that the number is theirs.

Whoever writes in may name another's number, or one that earns money by being called. So only a number is called back
that this controller's calls reached lately, once a day whoever asks, and only a line that costs what any other does
(GDPR Art. 12(6): what is needed to confirm the identity, and no more).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

LATELY = timedelta(days=30)
ONCE_IN = timedelta(days=1)
ORDINARY = frozenset({"fixed", "mobile", "fixed-or-mobile", "voip"})
"""The kinds of line (`phone.Number.kind`) that cost what any other does."""


class NoCallBack(ValueError):
    """The number is not called back; the message says why, and never which."""


def may_call_back(kind: str, called: Iterable[datetime], called_back: Iterable[datetime], now: datetime) -> None:
    """`called`: when calls for this controller went to the number; `called_back`: earlier call-backs, anybody's.

    Raises `NoCallBack`.
    """
    if kind not in ORDINARY:
        raise NoCallBack(f"a line of the kind {kind} is never called back; identify the person in another way")
    if not any(now - LATELY <= at <= now for at in called):
        raise NoCallBack(f"this number was not called for this company in the last {LATELY.days} days")
    if any(at > now - ONCE_IN for at in called_back):
        raise NoCallBack("this number was called back within the last day already; try tomorrow")
